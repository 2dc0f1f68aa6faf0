"""Auditing versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.registry.selectors import version_folder, version_from_reference, version_parent
from apps.registry.services import version_audit_keep
from apps.retraining.progress import Report


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
    retrain: bool = False,
    actor: Actor,
    report: Report,
) -> VersionAudit:
    """Audit a registered version and keep the result with it, in place of an earlier audit's.

    What needs a training is inherited from the registered version that it was made from; `retrain` trains
    the negative controls of its recipe instead, which takes as long as training it twice. Raises
    `NotPermittedError`, `VersionNotFoundError` or `AuditError`.
    """
    from apps.retraining.engine import audit_page, model_audit

    actor.require(Right.TRAIN)
    version = version_from_reference(reference)
    parent = version_parent(version)
    result = model_audit(
        version_folder(version),
        manifests=manifests,
        fold=fold,
        parent=parent.audit if parent else {},
        retrain=retrain,
        cache_dir=Path(settings.DATA_DIR) / "training" / "cache",
        report=report,
    )
    version_audit_keep(version=version, audit=result, actor=actor)
    return VersionAudit(result, audit_page(result, title=str(version)))
