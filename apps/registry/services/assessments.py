"""What is learned of a version after it was registered; what the version is never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.accounts.access import Actor
from apps.audit.services import event_record
from apps.core.errors import PermanentError
from apps.registry.models import ModelVersion

COMPARISON_VERDICTS = ("better", "worse", "cannot tell")


class ComparisonError(PermanentError):
    """What was given is no comparison of two versions."""


def version_audit_keep(*, version: ModelVersion, audit: Mapping[str, Any], actor: Actor) -> None:
    """Keep the result of an audit with the version, in place of an earlier one's.

    The audit log tells every audit.
    """
    with transaction.atomic():
        version.audit = dict(audit)
        version.save(update_fields=["audit"])
        event_record(
            action="model_audited",
            actor=actor.name,
            object_type="model_version",
            object_id=str(version),
            detail={"verdict": audit["verdict"], "summary": audit["summary"]},
        )


def version_comparison_keep(*, version: ModelVersion, comparison: Mapping[str, Any], actor: Actor) -> None:
    """Keep how a version did against the champion on the same images, in place of an earlier comparison.

    `comparison` has `champion` (a reference such as `cxr:1`), `n`, `verdict`, and `rows`, each with
    `metric candidate champion difference interval verdict`; a verdict is `better`, `worse` or `cannot
    tell`. Raises `ComparisonError` when it has not.
    """
    verdicts = [comparison.get("verdict"), *(row.get("verdict") for row in comparison.get("rows", ()))]
    if not comparison.get("champion") or any(verdict not in COMPARISON_VERDICTS for verdict in verdicts):
        raise ComparisonError(
            f"A comparison names its champion and says {', '.join(COMPARISON_VERDICTS)}, as a whole and in "
            f"every row; this one names {comparison.get('champion')!r} and says {verdicts}."
        )
    with transaction.atomic():
        version.comparison = dict(comparison)
        version.save(update_fields=["comparison"])
        event_record(
            action="model_compared",
            actor=actor.name,
            object_type="model_version",
            object_id=str(version),
            detail={"champion": comparison["champion"], "verdict": comparison["verdict"]},
        )
