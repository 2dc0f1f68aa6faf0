"""Laboratory results: recording, and what they say about a study."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from apps.accounts.roles import Role
from apps.core.errors import NotPermittedError
from apps.retraining.models import LaboratoryResult
from apps.retraining.selectors import reference_of, results_in_force
from apps.retraining.services import LaboratoryResultError, laboratory_result_record
from apps.studies.models import Patient
from tests.retraining.patients import STUDY_DATE, actor_of

Result = LaboratoryResult.Result


@pytest.fixture
def patient(db: None) -> Patient:
    return Patient.objects.create(patient_id="MRN-1")


def report(
    patient: Patient, result: str, *, days: int = 0, finding: str = "covid19", test: str = "rt_pcr"
) -> None:
    laboratory_result_record(
        patient=patient,
        test=test,
        finding=finding,
        result=result,
        specimen_date=STUDY_DATE + timedelta(days=days),
        actor=actor_of(Role.CLINICIAN),
    )


def reference(patient: Patient) -> tuple[set[str], set[str]]:
    results = results_in_force([patient.pk]).get(patient.pk, [])
    found = reference_of(results, study_date=STUDY_DATE, days=7)
    return set(found.confirmed), set(found.ruled_out)


@pytest.mark.parametrize(("days", "counts"), [(-8, False), (-7, True), (0, True), (7, True), (8, False)])
def test_a_specimen_counts_within_the_days_around_the_study(
    patient: Patient, days: int, counts: bool
) -> None:
    report(patient, Result.POSITIVE, days=days)
    assert reference(patient) == ({"covid19"} if counts else set(), set())


def test_a_positive_outweighs_a_negative_of_another_day(patient: Patient) -> None:
    report(patient, Result.POSITIVE, days=-2)
    report(patient, Result.NEGATIVE, days=1)
    assert reference(patient) == ({"covid19"}, set())


def test_a_negative_rules_out_and_an_indeterminate_says_nothing(patient: Patient) -> None:
    report(patient, Result.NEGATIVE)
    report(patient, Result.INDETERMINATE, finding="bacterial_pneumonia", test="culture")
    assert reference(patient) == (set(), {"covid19"})


def test_a_correction_takes_the_place_of_what_it_corrects(patient: Patient) -> None:
    report(patient, Result.POSITIVE)
    report(patient, Result.IN_ERROR)
    assert reference(patient) == (set(), set())
    assert LaboratoryResult.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"finding": "normal"}, "finding 'normal' is unknown"),
        ({"test": "guess"}, "test 'guess' is unknown"),
        ({"result": "good"}, "result 'good' is unknown"),
        ({"specimen_date": date(2999, 1, 1)}, "lies in the future"),
    ],
)
def test_what_cannot_be_recorded_says_why(patient: Patient, change: dict[str, object], message: str) -> None:
    values = {
        "test": "rt_pcr",
        "finding": "covid19",
        "result": "positive",
        "specimen_date": STUDY_DATE,
    } | change
    with pytest.raises(LaboratoryResultError, match=message):
        laboratory_result_record(patient=patient, actor=actor_of(Role.CLINICIAN), **values)  # type: ignore[arg-type]  # faulty on purpose


def test_a_data_scientist_records_none(patient: Patient) -> None:
    with pytest.raises(NotPermittedError):
        laboratory_result_record(
            patient=patient,
            test="rt_pcr",
            finding="covid19",
            result="positive",
            specimen_date=STUDY_DATE,
            actor=actor_of(Role.DATA_SCIENTIST),
        )
