"""Making candidates."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_folder, version_from_reference
from apps.registry.services import version_register
from apps.retraining.progress import Report
from apps.retraining.requests import TrainingRequest
from apps.retraining.services.audits import audit_make


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
        audit_make(version, manifests=request.manifests, fold=None, actor=actor, report=report)
    except AuditError as error:
        report(f"{version} is registered but could not be audited: {error}")
    return version
