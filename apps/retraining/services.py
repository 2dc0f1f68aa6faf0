"""Making candidates and measuring versions."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_folder, version_from_reference, version_parent
from apps.registry.services import version_audit_keep, version_register
from apps.retraining.progress import Report
from apps.retraining.requests import TrainingRequest


def candidate_train(*, request: TrainingRequest, actor: Actor, report: Report) -> ModelVersion:
    """Train as asked for, measure, register the result as a new version without any alias, and audit it.

    Raises `NotPermittedError`, `TrainingError`, or what `version_register` raises; nothing is kept then.
    A version that cannot be audited stays, without an audit, and why is reported.
    """
    from apps.retraining.engine import AuditError, model_train

    actor.require(Right.TRAIN)
    init = version_folder(version_from_reference(request.init)) if request.init else None
    members = tuple(version_folder(version_from_reference(member)) for member in request.members)
    training = Path(settings.DATA_DIR) / "training"
    folder = training / uuid.uuid4().hex
    try:
        model_train(
            request,
            out_dir=folder,
            lungs=init or Path(settings.BUNDLED_MODEL_DIR),
            init=init,
            members=members,
            cache_dir=training / "cache",
            report=report,
        )
        version = version_register(folder=folder, by=actor.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _version_audit(version, manifests=request.manifests, fold=None, actor=actor, report=report)
    except AuditError as error:
        report(f"{version} is registered but could not be audited: {error}")
    return version


@dataclass(frozen=True, slots=True)
class VersionEvaluation:
    """A version's evaluation: `result` as JSON holds it, and the same as one HTML `page`."""

    result: dict[str, Any]
    page: str


def version_evaluate(
    *, reference: str, manifest: Path, fold: int | None, actor: Actor, report: Report
) -> VersionEvaluation:
    """Measure a registered version on a manifest or one fold of it.

    Raises `NotPermittedError`, `VersionNotFoundError` or `EvaluationError`.
    """
    from apps.retraining.engine import evaluation_html, model_evaluate

    actor.require(Right.TRAIN)
    version = version_from_reference(reference)
    measured = model_evaluate(
        version_folder(version),
        manifest=manifest,
        fold=fold,
        cache_dir=Path(settings.DATA_DIR) / "training" / "cache",
        report=report,
    )
    event_record(
        action="model_evaluated",
        actor=actor.name,
        object_type="model_version",
        object_id=str(version),
        detail={"n": measured["n"], "accuracy": measured["accuracy"]},
    )
    result = {
        "model": {"name": version.model.name, "version": version.number, "sha256": version.sha256},
        "manifest": {
            "name": manifest.name,
            "sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
            "fold": fold,
        },
        **measured,
    }
    return VersionEvaluation(result, evaluation_html(result))


@dataclass(frozen=True, slots=True)
class VersionAudit:
    """A version's audit: `result` as JSON holds it, and the same as one HTML `page`."""

    result: dict[str, Any]
    page: str


def version_audit(
    *,
    reference: str,
    manifests: Sequence[Path],
    fold: int | None,
    actor: Actor,
    report: Report,
) -> VersionAudit:
    """Audit a registered version and keep the result with it, in place of an earlier audit's.

    What needs a training is inherited from the registered version that it was made from. Raises
    `NotPermittedError`, `VersionNotFoundError` or `AuditError`.
    """
    from apps.retraining.engine import audit_page

    actor.require(Right.TRAIN)
    version = version_from_reference(reference)
    result = _version_audit(version, manifests=manifests, fold=fold, actor=actor, report=report)
    return VersionAudit(result, audit_page(result, title=str(version)))


def _version_audit(
    version: ModelVersion,
    *,
    manifests: Sequence[Path],
    fold: int | None,
    actor: Actor,
    report: Report,
) -> dict[str, Any]:
    from apps.retraining.engine import model_audit

    parent = version_parent(version)
    result = model_audit(
        version_folder(version),
        manifests=manifests,
        fold=fold,
        parent=parent.audit if parent else {},
        cache_dir=Path(settings.DATA_DIR) / "training" / "cache",
        report=report,
    )
    version_audit_keep(version=version, audit=result, actor=actor)
    return result
