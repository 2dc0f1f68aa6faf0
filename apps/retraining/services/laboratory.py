"""Recording what the laboratory found."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import PermanentError
from apps.retraining.models import LaboratoryResult
from apps.studies.models import Patient
from ml.contracts import Finding

CONFIRMABLE = (Finding.COVID19, Finding.VIRAL_PNEUMONIA, Finding.BACTERIAL_PNEUMONIA)
"""The findings that a specimen can confirm; opacity and its absence are seen, not cultured."""


class LaboratoryResultError(PermanentError):
    """The result cannot be recorded so; says what was found and what was expected."""


@transaction.atomic
def laboratory_result_record(
    *,
    patient: Patient,
    test: str,
    finding: str,
    result: str,
    specimen_date: date,
    actor: Actor,
    evidence: str = "",
) -> LaboratoryResult:
    """Add a laboratory's result on a patient; a correction is another row on the same test and day.

    Raises `NotPermittedError`, and `LaboratoryResultError` for unknown words or a day in the future.
    """
    actor.require(Right.REVIEW)
    _check(test, finding, result, specimen_date, evidence)
    kept = LaboratoryResult.objects.create(
        patient=patient,
        test=test,
        finding=finding,
        result=result,
        specimen_date=specimen_date,
        evidence=evidence,
        recorded_by=actor.name,
    )
    event_record(
        action="laboratory_result_recorded",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="patient",
        object_id=str(patient.pk),
        detail={"laboratory_result": kept.pk, "test": test, "finding": finding, "result": result},
    )
    return kept


def _check(test: str, finding: str, result: str, specimen_date: date, evidence: str) -> None:
    for what, value, expected in (
        ("test", test, LaboratoryResult.Test.values),
        ("finding", finding, [str(one) for one in CONFIRMABLE]),
        ("result", result, LaboratoryResult.Result.values),
    ):
        if value not in expected:
            raise LaboratoryResultError(
                f"The {what} {value!r} is unknown: expected one of {', '.join(expected)}."
            )
    if specimen_date > timezone.localdate():
        raise LaboratoryResultError(f"The specimen's day, {specimen_date}, lies in the future.")
    longest = LaboratoryResult._meta.get_field("evidence").max_length or 0
    if len(evidence) > longest:
        raise LaboratoryResultError(
            f"The evidence has {len(evidence)} characters; at most {longest} are kept."
        )
