"""Recording whether a patient's images may teach a model."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import PermanentError
from apps.retraining.models import ResearchConsent
from apps.studies.models import Patient

COLUMNS = ("patient_id", "decision", "decided_on")
OPTIONAL_COLUMNS = ("issuer_of_patient_id", "scope", "evidence")
SHOWN = 10
"""Faulty lines named in one error."""


class ConsentError(PermanentError):
    """The decision cannot be recorded so; says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class ConsentImport:
    """What became of a file's lines: recorded, recorded before, or of a patient who is not here."""

    recorded: int
    known: int
    unknown_patients: int


@transaction.atomic
def consent_record(
    *,
    patient: Patient,
    decision: str,
    decided_on: date,
    actor: Actor,
    scope: str = ResearchConsent.Scope.SITE,
    evidence: str = "",
) -> ResearchConsent:
    """Add a patient's decision. A withdrawal counts for every scope, from the next snapshot on.

    Raises `NotPermittedError`, and `ConsentError` for an unknown decision or scope, a day in the future, or
    a consent without evidence.
    """
    actor.require(Right.REVIEW)
    _check(decision, scope, decided_on, evidence)
    consent = ResearchConsent.objects.create(
        patient=patient,
        decision=decision,
        scope=scope,
        decided_on=decided_on,
        evidence=evidence,
        recorded_by=actor.name,
    )
    event_record(
        action="consent_recorded",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="patient",
        object_id=str(patient.pk),
        detail={"consent": consent.pk, "decision": decision, "scope": scope},
    )
    return consent


def consents_import(*, path: Path, actor: Actor) -> ConsentImport:
    """Record the decisions of a CSV with `COLUMNS` and, if there, `OPTIONAL_COLUMNS`.

    All or nothing, and safe to repeat. A patient of whom nothing was received yet is counted and left out.
    Raises `NotPermittedError` and `ConsentError`, which names the faulty lines.
    """
    actor.require(Right.REVIEW)
    recorded = known = unknown = 0
    faults: list[str] = []
    with transaction.atomic():
        for line, row in _lines(path):
            patient = Patient.objects.filter(
                patient_id=row["patient_id"], issuer_of_patient_id=row.get("issuer_of_patient_id", "")
            ).first()
            if patient is None:
                unknown += 1
                continue
            try:
                decision: dict[str, Any] = {
                    "decision": row["decision"].lower(),
                    "scope": row.get("scope", "").lower() or ResearchConsent.Scope.SITE,
                    "decided_on": _day(row["decided_on"]),
                    "evidence": row.get("evidence", ""),
                }
                if ResearchConsent.objects.filter(patient=patient, **decision).exists():
                    known += 1
                    continue
                consent_record(patient=patient, actor=actor, **decision)
                recorded += 1
            except ConsentError as error:
                faults.append(f"line {line}: {error}")
        if faults:
            more = f" … and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            raise ConsentError(f"{path.name}: nothing was recorded. {' '.join(faults[:SHOWN])}{more}")
    return ConsentImport(recorded, known, unknown)


def _check(decision: str, scope: str, decided_on: date, evidence: str) -> None:
    if decision not in ResearchConsent.Decision.values:
        raise ConsentError(f"The decision {decision!r} is unknown: expected granted or withdrawn.")
    if scope not in ResearchConsent.Scope.values:
        raise ConsentError(f"The scope {scope!r} is unknown: expected site or shared.")
    if decided_on > timezone.localdate():
        raise ConsentError(f"The decision's day, {decided_on}, lies in the future.")
    if decision == ResearchConsent.Decision.GRANTED and not evidence.strip():
        raise ConsentError("Say where the signed form is: a consent without evidence is none.")
    longest = ResearchConsent._meta.get_field("evidence").max_length or 0
    if len(evidence) > longest:
        raise ConsentError(f"The evidence has {len(evidence)} characters; at most {longest} are kept.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConsentError(f"{text!r} is no day; expected YYYY-MM-DD.") from None


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Read the file's rows with their line numbers."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConsentError(f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConsentError(f"{path.name} is not UTF-8 text; save the sheet as “CSV UTF-8”.") from error
    reader = csv.DictReader(StringIO(text, newline=""), restkey="surplus", restval="", strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        if missing := [name for name in COLUMNS if name not in header]:
            raise ConsentError(
                f"{path.name} lacks the column(s) {', '.join(missing)}; it has "
                f"{', '.join(header) or 'nothing'}. Optional: {', '.join(OPTIONAL_COLUMNS)}."
            )
        return [
            (reader.line_num, {name: row[name].strip() for name in header})
            for row in reader
            if any(row[name].strip() for name in header)
        ]
    except csv.Error as error:
        raise ConsentError(f"{path.name}, line {reader.line_num}: this is no CSV ({error}).") from error
