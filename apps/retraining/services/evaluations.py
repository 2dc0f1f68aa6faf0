"""Measuring versions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.registry.selectors import version_folder, version_from_reference
from apps.retraining.progress import Report


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
