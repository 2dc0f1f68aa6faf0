"""Making candidates: what a trainer is told, and what becomes of what it made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.registry.models import ModelVersion
from apps.registry.selectors import champion, version_folder, version_from_reference
from apps.registry.services import version_audit_keep, version_comparison_keep, version_register
from apps.retraining.making import Candidate, candidate_forget, candidate_make
from apps.retraining.progress import Report
from apps.retraining.requests import CandidateOrder, TrainingRequest
from apps.retraining.selectors.runs import training_folder


def candidate_train(*, request: TrainingRequest, actor: Actor, report: Report) -> ModelVersion:
    """Make a candidate in this process and register it, without any alias.

    Raises `NotPermittedError`, `TrainingError`, or what `version_register` raises; nothing is kept then.
    A version that cannot be audited or compared stays, and why is reported.
    """
    actor.require(Right.TRAIN)
    order = candidate_order(
        request=request,
        init=version_from_reference(request.init) if request.init else None,
        folder=training_folder() / uuid.uuid4().hex,
        requested_by=actor.name,
    )
    try:
        return candidate_register(candidate_make(order, report=report), by=actor.name)
    finally:
        candidate_forget(order.folder)


def candidate_order(
    *,
    request: TrainingRequest,
    init: ModelVersion | None,
    folder: Path,
    requested_by: str,
    snapshot_sha256: str = "",
    manifests: Sequence[Path] = (),
) -> CandidateOrder:
    """Say all that a trainer must know; `manifests` come before those of the request.

    Raises `VersionNotFoundError` for a member of an ensemble that is not registered.
    """
    present = champion()
    provenance = {"requested_by": requested_by}
    if snapshot_sha256:
        provenance["snapshot_sha256"] = snapshot_sha256
    return CandidateOrder(
        request=replace(request, manifests=(*manifests, *request.manifests)),
        folder=folder,
        cache_dir=training_folder() / "cache",
        lungs=version_folder(init) if init else Path(settings.BUNDLED_MODEL_DIR),
        init=version_folder(init) if init else None,
        members=tuple(version_folder(version_from_reference(member)) for member in request.members),
        parent_audit=init.audit if init else {},
        champion=version_folder(present) if present else None,
        champion_name=str(present) if present else "",
        provenance=provenance,
    )


def candidate_register(candidate: Candidate, *, by: str) -> ModelVersion:
    """Register a candidate with its audit and its comparison; safe to repeat while its folder is there.

    Raises what `version_register` raises.
    """
    version = version_register(folder=candidate.folder, by=by)
    actor = Actor.system(by)
    if candidate.audit:
        version_audit_keep(version=version, audit=candidate.audit, actor=actor)
    if candidate.comparison:
        version_comparison_keep(version=version, comparison=candidate.comparison, actor=actor)
    return version
