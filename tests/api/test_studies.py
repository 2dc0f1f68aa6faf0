"""Sending, listing and reading studies."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.api import pagination
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis
from apps.studies.models import Instance, Received, Study
from apps.studies.services.ingest import object_ingest
from tests.api.conftest import ClientOf, png

STUDIES = "/api/v1/studies/"


def upload(client: APIClient, **files: bytes) -> Any:
    """Post files under their names."""
    parts = [SimpleUploadedFile(name, content) for name, content in files.items()]
    return client.post(STUDIES, {"files": parts}, format="multipart")


def test_an_upload_is_acknowledged_with_its_identifiers_and_queued_diagnosis(session_of: ClientOf) -> None:
    response = upload(session_of(Role.TECHNICIAN), one=png(1), two=png(2))
    assert response.status_code == 201
    assert [entry["file"] for entry in response.json()["instances"]] == ["one", "two"]
    assert response.json()["errors"] == []
    for entry in response.json()["instances"]:
        instance = Instance.objects.get(sop_instance_uid=entry["sop_instance_uid"])
        assert entry["study_instance_uid"] == instance.series.study.study_instance_uid
        assert entry["known"] is False
        assert entry["diagnosis"] == {"id": Diagnosis.objects.get(instance=instance).pk, "status": "queued"}
        assert instance.door == Received.Door.UPLOAD


def test_the_same_file_again_is_known_and_changes_nothing(key_of: Callable[..., APIClient]) -> None:
    client = key_of(Role.INTEGRATOR, "studies:write")
    first, second = upload(client, one=png()), upload(client, again=png())
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["instances"][0]["known"] is True
    assert Instance.objects.get().door == Received.Door.API
    assert Diagnosis.objects.count() == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 500, b"MZ not an image"], ids=["empty", "zeros", "program"]
)
def test_what_is_no_image_is_400_with_a_reason(session_of: ClientOf, content: bytes) -> None:
    response = upload(session_of(Role.CLINICIAN), bad=content)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["file"] == "bad"
    assert error["code"]
    assert error["detail"]
    assert not Instance.objects.exists()


def test_one_good_file_among_bad_ones_is_kept(session_of: ClientOf) -> None:
    response = upload(session_of(Role.CLINICIAN), bad=b"nothing", good=png())
    assert response.status_code == 201
    assert [entry["file"] for entry in response.json()["instances"]] == ["good"]
    assert [entry["file"] for entry in response.json()["errors"]] == ["bad"]


def test_no_files_is_a_problem_that_names_the_field(session_of: ClientOf) -> None:
    response = session_of(Role.CLINICIAN).post(STUDIES, {}, format="multipart")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert "files" in response.json()["errors"]


def test_the_list_has_the_contract_s_keys(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    (item,) = session_of(Role.RADIOLOGIST).get(STUDIES).json()["results"]
    study = Study.objects.get()
    assert item | {"received_at": None, "patient_id": None, "patient_name": None} == {
        "study_instance_uid": study.study_instance_uid,
        "patient_id": None,
        "patient_name": None,
        "accession_number": "",
        "study_date": None,
        "received_at": None,
        "status": "completed",
        "label": "covid19",
        "triage": "urgent",
        "abnormality": 0.98,
        "instances": [
            {
                "sop_instance_uid": diagnosis.instance.sop_instance_uid,
                "series_instance_uid": diagnosis.instance.series.series_instance_uid,
                "diagnosis": {"id": diagnosis.pk, "status": "completed"},
            }
        ],
    }


def test_a_technician_sees_the_state_but_no_result(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    client = session_of(Role.TECHNICIAN)
    (item,) = client.get(STUDIES).json()["results"]
    assert item["status"] == "completed"
    assert (item["label"], item["abnormality"], item["triage"]) == (None, None, "none")
    assert client.get(STUDIES, {"label": "covid19"}).json()["results"] == []


def test_filters_find_and_leave_out(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    client = session_of(Role.CLINICIAN)
    for query, count in (
        ({"status": "completed"}, 1),
        ({"status": "failed"}, 0),
        ({"label": "covid19", "triage": "urgent"}, 1),
        ({"triage": "routine"}, 0),
        ({"patient_id": "nobody"}, 0),
        ({"received_from": "2000-01-01T00:00:00Z"}, 1),
        ({"received_to": "2000-01-01T00:00:00Z"}, 0),
    ):
        assert len(client.get(STUDIES, query).json()["results"]) == count, query


@pytest.mark.parametrize(
    "query", [{"status": "done"}, {"ordering": "label"}, {"received_from": "yesterday"}, {"cursor": "x"}]
)
def test_a_filter_that_makes_no_sense_is_400(session_of: ClientOf, query: dict[str, str]) -> None:
    response = session_of(Role.CLINICIAN).get(STUDIES, query)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("ordering", ["triage", "received_at", "-received_at"])
def test_pages_link_to_each_other_and_keep_the_filters(
    session_of: ClientOf, monkeypatch: pytest.MonkeyPatch, ordering: str
) -> None:
    for seed in range(5):
        object_ingest(source=BytesIO(png(seed)), door=Received.Door.IMPORT, sender="t", actor="t")
    monkeypatch.setattr("apps.api.studies.PAGE_SIZE", 2)
    client, seen = session_of(Role.CLINICIAN), []
    url: str | None = f"{STUDIES}?ordering={ordering}&status=received"
    page: dict[str, Any] = {}
    while url:
        page = client.get(url).json()
        seen += [item["study_instance_uid"] for item in page["results"]]
        url = page["next"]
        assert url is None or "status=received" in url
    assert len(seen) == len(set(seen)) == 5
    assert pagination.PAGE_SIZE == 50
    assert client.get(page["previous"]).json()["results"][-1]["study_instance_uid"] == seen[3]


def test_a_list_costs_the_same_number_of_queries_however_long(session_of: ClientOf) -> None:
    client, costs = session_of(Role.RADIOLOGIST), []
    for seed in range(8):
        object_ingest(source=png(seed), door=Received.Door.IMPORT, sender="t", actor="t")
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(STUDIES).json()["results"]) == seed + 1
        costs.append(len(queries))
    assert max(costs) == min(costs) <= 12


def test_one_study_is_read_and_the_reading_recorded(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    study = diagnosis.instance.series.study
    response = session_of(Role.RADIOLOGIST).get(f"{STUDIES}{study.study_instance_uid}/")
    assert response.json()["study_instance_uid"] == study.study_instance_uid
    event = AuditEvent.objects.get(action="viewed")
    assert (event.actor, event.object_type, event.object_id) == (
        "radiologist@example.org",
        "study",
        str(study.pk),
    )


@pytest.mark.parametrize("uid", ["1.2.3", "not-a-uid", "%00", "9" * 64])
def test_an_unknown_study_is_404(session_of: ClientOf, diagnosis: Diagnosis, uid: str) -> None:
    response = session_of(Role.RADIOLOGIST).get(f"{STUDIES}{uid}/")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
