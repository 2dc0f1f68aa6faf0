"""Who may teach a model: recording, importing, withdrawing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.core.errors import NotPermittedError
from apps.retraining.models import ResearchConsent
from apps.retraining.selectors import consent_in_force, consented_patients
from apps.retraining.services import ConsentError, consent_record
from apps.studies.models import Patient
from tests.retraining.patients import actor_of

DAY = date(2024, 3, 1)
Decision, Scope = ResearchConsent.Decision, ResearchConsent.Scope


@pytest.fixture
def patient(db: None) -> Patient:
    return Patient.objects.create(patient_id="MRN-1", patient_name="Nightingale^Florence")


def decide(patient: Patient, decision: str, day: date, scope: str = Scope.SITE) -> ResearchConsent:
    return consent_record(
        patient=patient,
        decision=decision,
        decided_on=day,
        scope=scope,
        evidence="form 7, folder B",
        actor=actor_of(Role.CLINICIAN),
    )


def test_a_decision_is_kept_with_who_recorded_it_and_an_event_without_the_name(patient: Patient) -> None:
    consent = decide(patient, Decision.GRANTED, DAY)
    assert consent.recorded_by == "clinician@example.org"
    assert consent_in_force(patient) == consent
    event = AuditEvent.objects.get(action="consent_recorded")
    assert (event.object_type, event.object_id) == ("patient", str(patient.pk))
    assert "Nightingale" not in str(event.detail)


def test_an_old_form_recorded_late_does_not_undo_a_withdrawal(patient: Patient) -> None:
    withdrawal = decide(patient, Decision.WITHDRAWN, DAY)
    decide(patient, Decision.GRANTED, DAY - timedelta(days=900))
    assert consent_in_force(patient) == withdrawal
    assert consented_patients(scope=Scope.SITE, among=[patient.pk]) == set()


@pytest.mark.parametrize(
    ("granted", "wanted", "allowed"),
    [
        (Scope.SITE, Scope.SITE, True),
        (Scope.SITE, Scope.SHARED, False),
        (Scope.SHARED, Scope.SITE, True),
        (Scope.SHARED, Scope.SHARED, True),
    ],
)
def test_the_wider_scope_holds_the_narrower(
    patient: Patient, granted: str, wanted: str, allowed: bool
) -> None:
    decide(patient, Decision.GRANTED, DAY, granted)
    assert bool(consented_patients(scope=wanted, among=[patient.pk])) is allowed


def test_without_a_decision_the_setting_decides_for_this_house_only(patient: Patient, settings) -> None:  # type: ignore[no-untyped-def]
    among = [patient.pk]
    assert consented_patients(scope=Scope.SITE, among=among) == set()
    settings.RESEARCH_CONSENT_DEFAULT = True
    assert consented_patients(scope=Scope.SITE, among=among) == {patient.pk}
    assert consented_patients(scope=Scope.SHARED, among=among) == set()
    decide(patient, Decision.WITHDRAWN, DAY)
    assert consented_patients(scope=Scope.SITE, among=among) == set()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decision": "maybe"}, "expected granted or withdrawn"),
        ({"scope": "world"}, "expected site or shared"),
        ({"decided_on": date(2999, 1, 1)}, "lies in the future"),
        ({"evidence": " "}, "where the signed form is"),
        ({"evidence": "x" * 301}, "at most 300"),
    ],
)
def test_what_cannot_be_recorded_says_why(patient: Patient, change: dict[str, object], message: str) -> None:
    values = {
        "decision": Decision.GRANTED,
        "scope": Scope.SITE,
        "decided_on": DAY,
        "evidence": "form",
    } | change
    with pytest.raises(ConsentError, match=message):
        consent_record(patient=patient, actor=actor_of(Role.CLINICIAN), **values)  # type: ignore[arg-type]  # faulty on purpose
    assert not ResearchConsent.objects.exists()


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.DATA_SCIENTIST, Role.ADMINISTRATOR])
def test_only_who_treats_patients_records(patient: Patient, role: Role) -> None:
    with pytest.raises(NotPermittedError):
        consent_record(
            patient=patient,
            decision=Decision.GRANTED,
            decided_on=DAY,
            evidence="form",
            actor=actor_of(role),
        )


def test_a_sheet_is_imported_once_however_often_it_is_given(
    patient: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "consent.csv"
    sheet.write_text(
        "\ufeffpatient_id,decision,decided_on,scope,evidence\n"
        "MRN-1,granted,2024-03-01,shared,folder B\n"
        "MRN-1,withdrawn,2024-05-01,,\n"
        "MRN-404,granted,2024-03-01,,folder C\n"
    )
    call_command("import_consents", str(sheet))
    call_command("import_consents", str(sheet))
    first, second = capsys.readouterr().out.splitlines()
    assert first == "2 recorded, 0 known before, 1 of patients who are not here yet"
    assert second.startswith("0 recorded, 2 known before")
    newest = consent_in_force(patient)
    assert newest is not None
    assert newest.decision == Decision.WITHDRAWN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient_id;decision\nMRN-1;granted\n", "lacks the column"),
        ("patient_id,decision,decided_on,evidence\nMRN-1,yes,2024-03-01,f\n", "line 2.*granted or withdrawn"),
        ("patient_id,decision,decided_on,evidence\nMRN-1,granted,1.3.24,f\n", "line 2.*YYYY-MM-DD"),
        ("patient_id,decision,decided_on\nMRN-1,granted,2024-03-01\n", "line 2.*signed form"),
    ],
)
def test_a_faulty_sheet_records_nothing_and_names_the_line(
    patient: Patient, tmp_path: Path, text: str, message: str
) -> None:
    sheet = tmp_path / "consent.csv"
    good = "MRN-1,granted,2024-02-01,folder A\n" if "evidence" in text else ""
    sheet.write_text(text + good)
    with pytest.raises(CommandError, match=message):
        call_command("import_consents", str(sheet))
    assert not ResearchConsent.objects.exists()


DECISIONS = st.lists(
    st.tuples(st.sampled_from(Decision.values), st.integers(min_value=0, max_value=20)), max_size=6
)


class OrderOfDecisions(TestCase):
    """Whatever the order of recording, the newest day counts, and on one day the last recorded."""

    @given(DECISIONS)
    def test_the_newest_day_counts(self, decisions: list[tuple[str, int]]) -> None:
        patient = Patient.objects.create(patient_id="MRN-9")
        for decision, days in decisions:
            ResearchConsent.objects.create(
                patient=patient,
                decision=decision,
                decided_on=timezone.localdate() - timedelta(days=days),
                recorded_by="test",
            )
        newest = min((days for _, days in decisions), default=None)
        last = [decision for decision, days in decisions if days == newest][-1:]
        expected = {patient.pk} if last == [Decision.GRANTED] else set()
        assert consented_patients(scope=Scope.SITE, among=[patient.pk]) == expected
