"""Data sets and the learning queue by REST."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis
from apps.retraining.models import DatasetSnapshot
from apps.retraining.services import snapshot_build
from tests.api.conftest import ClientOf
from tests.retraining.patients import radiograph, read

ADDRESS = "/api/v1/snapshots/"
QUEUE = "/api/v1/learning-queue/"


@pytest.fixture(autouse=True)
def _folders(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    settings.RESEARCH_CONSENT_DEFAULT = True


@pytest.fixture
def scientist(session_of: ClientOf) -> APIClient:
    return session_of(Role.DATA_SCIENTIST)


def test_a_data_set_is_asked_for_made_and_read(scientist: APIClient) -> None:
    for seed in range(2):
        read(radiograph("normal", seed=seed), "normal")
    asked = scientist.post(ADDRESS, {"name": "spring", "folds": 2}, format="json")
    assert asked.status_code == 201
    body = asked.json()
    assert (body["status"], body["sha256"], body["requested_by"]) == (
        "queued",
        None,
        "data_scientist@example.org",
    )
    snapshot_build(snapshot_id=body["id"])
    done = scientist.get(body["url"]).json()
    assert (done["status"], done["images"]) == ("completed", 2)
    assert done["report"]["groups_across_folds"] == 0
    assert done["sha256"] == DatasetSnapshot.objects.get().sha256
    listed = scientist.get(ADDRESS, {"status": "completed"}).json()["results"]
    assert [one["id"] for one in listed] == [body["id"]]
    assert "Nightingale" not in str(done)
    assert "MRN" not in str(done)


def test_only_manifests_that_the_operator_put_there_can_be_named(scientist: APIClient) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "other.csv"):
        answer = scientist.post(ADDRESS, {"name": "spring", "manifests": [name]}, format="json")
        assert answer.status_code in (400, 409)
        assert "No manifest" in answer.json()["detail"]
    assert not DatasetSnapshot.objects.exists()


@pytest.mark.parametrize("role", Role)
def test_who_sees_and_asks_for_data_sets(role: Role, key_of: Callable[..., APIClient]) -> None:
    client = key_of(role, "studies:read", "reviews:write", "models:read", "models:train")
    allowed = role == Role.DATA_SCIENTIST
    assert client.get(ADDRESS).status_code == (200 if allowed else 403)
    assert client.post(ADDRESS, {"name": "spring"}, format="json").status_code == (201 if allowed else 403)
    DatasetSnapshot.objects.create(name="other", laboratory_days=7, requested_by="test")
    address = f"{ADDRESS}{DatasetSnapshot.objects.latest('pk').pk}/"
    assert client.get(address).status_code == (200 if allowed else 404)
    assert APIClient().get(ADDRESS).status_code == 401


@pytest.mark.parametrize("role", Role)
def test_who_sees_what_is_worth_a_review(role: Role, key_of: Callable[..., APIClient]) -> None:
    readers = {Role.CLINICIAN, Role.RADIOLOGIST, Role.INTEGRATOR}
    client = key_of(role, "studies:read", "reviews:write", "models:train")
    assert client.get(QUEUE).status_code == (200 if role in readers else 403)


def test_the_queue_names_the_image_and_why(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    Diagnosis.objects.filter(pk=diagnosis.pk).update(prediction_set=["normal", "covid19", "lung_opacity"])
    Diagnosis.objects.filter(pk=diagnosis.pk).update(warnings=["The window was left out"])
    body = session_of(Role.RADIOLOGIST).get(QUEUE).json()
    assert [one["diagnosis"] for one in body["results"]] == [diagnosis.pk]
    assert "3 findings remain possible." in body["results"][0]["reasons"]
