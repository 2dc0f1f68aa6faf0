"""Training runs by REST: asked for, looked at, cancelled; what a trainer does is tested with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.registry.models import ModelVersion
from apps.retraining.models import DatasetSnapshot, TrainingRun
from apps.retraining.selectors.runs import run_folder
from tests.api.conftest import ClientOf

ADDRESS = "/api/v1/training-runs/"


@pytest.fixture(autouse=True)
def _folders(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    (tmp_path / "manifests" / "lungs").mkdir(parents=True)
    for name in ("ours.csv", "lungs/manifest.csv"):
        (tmp_path / "manifests" / name).write_text("file,label\n")


@pytest.fixture
def scientist(session_of: ClientOf) -> APIClient:
    return session_of(Role.DATA_SCIENTIST)


def post(client: APIClient, **body: Any) -> Any:
    return client.post(ADDRESS, {"manifests": ["ours.csv"], **body}, format="json")


def test_a_run_is_queued_as_it_was_asked_for(scientist: APIClient, version: ModelVersion) -> None:
    answer = post(
        scientist,
        manifests=["lungs/manifest.csv"],
        init="cxr:1",
        epochs=0,
        int8=False,
        classes={"a": ["normal"]},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["requested_by"], body["version"]) == (
        "queued",
        "data_scientist@example.org",
        None,
    )
    assert body["request"] == {
        "manifests": ["manifest.csv"],
        "architecture": "compact_resnet",
        "init": "cxr:1",
        "epochs": 0,
        "quantise": False,
        "classes": {"a": ["normal"]},
    }
    run = TrainingRun.objects.get()
    assert run.init_version == version
    assert AuditEvent.objects.get(action="training_requested").object_id == str(run.pk)
    assert scientist.get(body["url"]).json()["log"] == ""
    assert [one["id"] for one in scientist.get(f"{ADDRESS}?status=queued").json()["results"]] == [run.pk]
    assert scientist.get(f"{ADDRESS}?status=running").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"manifests": []}, "nothing to train on"),
        ({"manifests": ["../ours.csv"]}, "No manifest ../ours.csv; known: lungs/manifest.csv, ours.csv"),
        ({"manifests": ["/etc/passwd"]}, "No manifest /etc/passwd"),
        ({"init": "cxr:9"}, "not registered"),
        ({"init": "cxr:1", "architecture": "vgg16"}, "cxr:1 is a compact_resnet"),
        ({"architecture": "ensemble"}, "made of member versions"),
        ({"architecture": "ensemble", "members": ["cxr:1", "cxr:8"]}, "not registered"),
        ({"architecture": "vgg99"}, "see errors"),
        ({"epochs": -1}, "see errors"),
        ({"learning_rate": 0}, "see errors"),
        ({"folds": 2}, "see errors"),
        ({"snapshot": 77}, "see errors"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    scientist: APIClient, version: ModelVersion, body: dict[str, Any], message: str
) -> None:
    answer = post(scientist, **body)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert not TrainingRun.objects.exists()


def test_a_failed_snapshot_is_no_ground_to_train_on(scientist: APIClient) -> None:
    snapshot = DatasetSnapshot.objects.create(name="s", laboratory_days=7, requested_by="x", status="failed")
    assert f"Snapshot {snapshot.pk} failed" in post(scientist, snapshot=snapshot.pk).json()["detail"]


def test_cancelling_ends_a_run_once(scientist: APIClient) -> None:
    run_id = post(scientist).json()["id"]
    address = reverse("api:training-run-cancel", args=[run_id])
    assert scientist.post(address).json()["status"] == "cancelled"
    assert scientist.post(address).status_code == 409
    assert AuditEvent.objects.filter(action="training_cancelled").count() == 1


def test_the_log_is_shown_from_a_whole_line_and_only_to_who_trains(
    scientist: APIClient, session_of: ClientOf
) -> None:
    run = TrainingRun.objects.get(pk=post(scientist).json()["id"])
    run_folder(run).mkdir(parents=True)
    (run_folder(run) / "log.txt").write_text("".join(f"line {i}\n" for i in range(5000)))
    address = reverse("api:training-run", args=[run.pk])
    log = scientist.get(address).json()["log"]
    assert log.startswith("line ")
    assert log.endswith("line 4999\n")
    assert len(log) < 17_000
    assert session_of(Role.RADIOLOGIST).get(address).json()["log"] == ""


@pytest.mark.parametrize("role", Role)
def test_every_role_at_every_door(scientist: APIClient, session_of: ClientOf, role: Role) -> None:
    run_id = post(scientist).json()["id"]
    client = session_of(role)
    sees = role in (Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR)
    cancels = role in (Role.DATA_SCIENTIST, Role.ADMINISTRATOR)
    assert post(client).status_code == (201 if role == Role.DATA_SCIENTIST else 403)
    assert client.get(reverse("api:training-run", args=[run_id])).status_code == (200 if sees else 404)
    cancelled = client.post(reverse("api:training-run-cancel", args=[run_id]))
    assert cancelled.status_code == (200 if cancels else 403 if sees else 404)


def test_a_key_needs_the_scope(key_of: Callable[..., APIClient]) -> None:
    assert post(key_of(Role.DATA_SCIENTIST, "models:read")).status_code == 403
    assert post(key_of(Role.DATA_SCIENTIST, "models:train")).status_code == 201
    assert post(key_of(Role.INTEGRATOR, "models:train")).status_code == 403
