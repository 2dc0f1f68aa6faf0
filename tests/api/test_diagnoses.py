"""Results, retries and reviews."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis, Review, WorklistEntry
from apps.studies.models import Instance
from tests.api.conftest import PROBABILITIES, ClientOf


def test_a_result_has_the_contract_s_keys(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    body = session_of(Role.CLINICIAN).get(reverse("api:diagnosis", args=[diagnosis.pk])).json()
    assert body["status"] == "completed"
    assert body["sop_instance_uid"] == diagnosis.instance.sop_instance_uid
    assert (body["label"], body["covid19_status"], body["triage"]) == ("covid19", "positive", "urgent")
    assert body["probabilities"] == {str(label): p for label, p in PROBABILITIES.items()}
    assert sum(body["probabilities"].values()) == pytest.approx(1)
    assert body["prediction_set"] == ["covid19"]
    assert body["abnormality"] == 0.98
    assert body["model"] == {"name": "cxr", "version": 1, "sha256": "0" * 64}
    assert (body["rejections"], body["warnings"], body["saliency"]) == ([], [], {})
    assert body["file"].endswith(f"/api/v1/instances/{diagnosis.instance.sop_instance_uid}/file/")
    assert body["operating_points"]["covid19"] == 0.4


def test_polling_for_a_result_leaves_no_trace_until_there_is_one(
    session_of: ClientOf, instance: Instance
) -> None:
    client, diagnosis = session_of(Role.CLINICIAN), Diagnosis.objects.get(instance=instance)
    body = client.get(reverse("api:diagnosis", args=[diagnosis.pk])).json()
    assert (body["status"], body["label"], body["probabilities"]) == ("queued", None, {})
    assert not AuditEvent.objects.filter(action="viewed").exists()


def test_seeing_a_result_is_recorded(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    session_of(Role.CLINICIAN).get(reverse("api:diagnosis", args=[diagnosis.pk]))
    assert AuditEvent.objects.get(action="viewed").object_id == str(diagnosis.pk)


def test_a_correction_is_kept_and_shown(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    client = session_of(Role.RADIOLOGIST)
    verdict = {"verdict": "disagree", "label": "bacterial_pneumonia", "comment": "lobar"}
    response = client.post(reverse("api:reviews", args=[diagnosis.pk]), verdict, format="json")
    assert response.status_code == 201
    review = Review.objects.get()
    assert (review.label, review.comment, review.reviewer.email) == (
        "bacterial_pneumonia",
        "lobar",
        "radiologist@example.org",
    )
    (shown,) = client.get(reverse("api:diagnosis", args=[diagnosis.pk])).json()["reviews"]
    assert shown["label"] == "bacterial_pneumonia"
    assert WorklistEntry.objects.get().verdict == "disagree"


@pytest.mark.parametrize(
    "verdict",
    [
        {},
        {"verdict": "maybe"},
        {"verdict": "disagree"},
        {"verdict": "disagree", "label": "covid19"},
        {"verdict": "disagree", "label": "fracture"},
        {"verdict": "agree", "comment": "x" * 5000},
        {"verdict": "agree", "comment": "a\x00b"},
    ],
)
def test_a_verdict_that_makes_no_sense_is_400(
    session_of: ClientOf, diagnosis: Diagnosis, verdict: dict[str, str]
) -> None:
    response = session_of(Role.RADIOLOGIST).post(
        reverse("api:reviews", args=[diagnosis.pk]), verdict, format="json"
    )
    assert response.status_code == 400
    assert response.json()["detail"]
    assert not Review.objects.exists()


def test_a_result_that_is_not_there_yet_cannot_be_reviewed(session_of: ClientOf, instance: Instance) -> None:
    diagnosis = Diagnosis.objects.get(instance=instance)
    response = session_of(Role.RADIOLOGIST).post(
        reverse("api:reviews", args=[diagnosis.pk]), {"verdict": "agree"}, format="json"
    )
    assert response.status_code == 400


def test_a_retry_supersedes_and_a_second_one_conflicts(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    client = session_of(Role.RADIOLOGIST)
    response = client.post(reverse("api:diagnosis-retry", args=[diagnosis.pk]))
    assert response.status_code == 202
    newer = response.json()
    assert (newer["status"], newer["superseded_by"]) == ("queued", None)
    old = client.get(reverse("api:diagnosis", args=[diagnosis.pk])).json()
    assert old["superseded_by"] == newer["id"]
    assert client.post(reverse("api:diagnosis-retry", args=[diagnosis.pk])).status_code == 409
    assert client.post(reverse("api:diagnosis-retry", args=[newer["id"]])).status_code == 409


@pytest.mark.parametrize("number", [0, 10**25])
def test_an_unknown_diagnosis_is_404(session_of: ClientOf, number: int) -> None:
    response = session_of(Role.CLINICIAN).get(f"/api/v1/diagnoses/{number}/")
    assert response.status_code == 404
