"""`consents/` and `laboratory-results/`: who may, what comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis
from apps.retraining.models import LaboratoryResult, ResearchConsent

READERS = {Role.CLINICIAN, Role.RADIOLOGIST, Role.INTEGRATOR}
CONSENT = {"decision": "granted", "decided_on": "2024-03-01", "evidence": "form 7"}
RESULT = {"test": "rt_pcr", "finding": "covid19", "result": "positive", "specimen_date": "2024-03-01"}
BODIES = {"/api/v1/consents/": CONSENT, "/api/v1/laboratory-results/": RESULT}


@pytest.fixture
def study_uid(diagnosis: Diagnosis) -> str:
    return diagnosis.instance.series.study.study_instance_uid


@pytest.mark.parametrize("address", BODIES)
@pytest.mark.parametrize("role", Role)
def test_who_reads_patients_results_reads_and_records(
    address: str, role: Role, key_of: Callable[..., APIClient], study_uid: str
) -> None:
    client = key_of(role, "studies:read", "reviews:write", "models:train")
    body = {**BODIES[address], "study_instance_uid": study_uid}
    assert client.get(address).status_code == (200 if role in READERS else 403)
    assert client.post(address, body, format="json").status_code == (201 if role in READERS else 403)
    assert APIClient().get(address).status_code == 401


@pytest.mark.parametrize("address", BODIES)
def test_a_key_for_reading_does_not_record(
    address: str, key_of: Callable[..., APIClient], study_uid: str
) -> None:
    client = key_of(Role.INTEGRATOR, "studies:read")
    body = {**BODIES[address], "study_instance_uid": study_uid}
    assert client.post(address, body, format="json").status_code == 403


@pytest.mark.parametrize("address", BODIES)
def test_what_was_recorded_is_listed_by_patient(
    address: str, key_of: Callable[..., APIClient], study_uid: str
) -> None:
    client = key_of(Role.INTEGRATOR, "studies:read", "reviews:write")
    kept = client.post(address, {**BODIES[address], "study_instance_uid": study_uid}, format="json").json()
    assert kept.items() >= BODIES[address].items()
    assert [one["id"] for one in client.get(address).json()["results"]] == [kept["id"]]
    assert client.get(address, {"patient_id": "nobody"}).json()["results"] == []


@pytest.mark.parametrize("address", BODIES)
def test_the_patient_must_be_named_once_and_be_known(
    address: str, key_of: Callable[..., APIClient], study_uid: str
) -> None:
    client = key_of(Role.INTEGRATOR, "studies:read", "reviews:write")
    for naming in ({}, {"patient_id": "MRN-404"}, {"patient_id": "a", "study_instance_uid": study_uid}):
        answer = client.post(address, {**BODIES[address], **naming}, format="json")
        assert answer.status_code == 400
        assert "patient_id" in answer.json()["errors"]
    assert not ResearchConsent.objects.exists()
    assert not LaboratoryResult.objects.exists()
