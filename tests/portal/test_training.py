"""The pages of training runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.registry.models import ModelVersion
from apps.retraining.models import DatasetSnapshot, TrainingRun, TrainingSchedule
from apps.retraining.selectors.runs import run_folder
from tests.portal.conftest import ClientOf

EPOCHS = [
    {"epoch": 1, "size": 96.0, "loss": 1.2},
    {"epoch": 2, "size": 160.0, "loss": 0.8, "calibration_loss": 0.7, "calibration_accuracy": 0.81},
    {"epoch": 1, "size": 160.0, "loss": 9.9, "fold": 0},
]


@pytest.fixture(autouse=True)
def _folders(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "ours.csv").write_text("file,label\n")


@pytest.fixture
def scientist(client_of: ClientOf) -> Client:
    return client_of(Role.DATA_SCIENTIST)


def make_run(**fields: Any) -> TrainingRun:
    request = {"manifests": ["/somewhere/ours.csv"], "architecture": "compact_resnet", "seed": 7}
    return TrainingRun.objects.create(request=request, requested_by="scientist@example.org", **fields)


def text_of(client: Client, run: TrainingRun, **headers: str) -> str:
    return client.get(reverse("portal:training_run", args=[run.pk]), headers=headers).content.decode()


def test_a_run_is_started_from_the_form_and_keeps_its_versions_architecture(
    scientist: Client, version: ModelVersion
) -> None:
    form = {
        "manifests": ["ours.csv"],
        "init": "cxr:1",
        "architecture": "vgg16",
        "epochs": "3",
        "classes": "a=normal",
    }
    answer = scientist.post(reverse("portal:training_start"), form)
    run = TrainingRun.objects.get()
    assert answer["Location"] == reverse("portal:training_run", args=[run.pk])
    assert run.init_version == version
    assert run.request["architecture"] == "compact_resnet"
    assert (run.request["epochs"], run.request["quantise"], run.request["classes"]) == (
        3,
        False,
        {"a": ["normal"]},
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifests": []}, "there is nothing to train on"),
        ({"manifests": ["../secret.csv"]}, "is not one of the available choices"),
        ({"epochs": "0"}, "greater than or equal to 1"),
        ({"classes": "positive"}, "expected NAME=label+label"),
        ({"init": "cxr:9"}, "is not one of the available choices"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(
    scientist: Client, version: ModelVersion, changes: dict[str, Any], message: str
) -> None:
    form = {"manifests": ["ours.csv"], "architecture": "compact_resnet", **changes}
    answer = scientist.post(reverse("portal:training_start"), form)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_the_form_tells_the_pace_of_what_was_trained_here(scientist: Client, version: ModelVersion) -> None:
    address = reverse("portal:training_start")
    assert "No version here was trained" in scientist.get(address).content.decode()
    trained = {
        "settings": {"input_size": 160},
        "sides": {"training": {"images": 100}},
        "history": [{"size": 96.0, "seconds": 5}, {"size": 160.0, "seconds": 30}],
    }
    ModelVersion.objects.filter(pk=version.pk).update(lineage={"history": [], "parent": {"lineage": trained}})
    assert "5 min" in scientist.get(address).content.decode(), "30 s for 100 images, so 300 s for 1,000"


def test_a_running_run_shows_stage_bar_time_curves_and_log(scientist: Client) -> None:
    run = make_run(
        status="running",
        attempts=2,
        progress={"stage": "training", "done": 2, "total": 8, "seconds_left": 400},
        history=EPOCHS,
    )
    run_folder(run).mkdir(parents=True)
    (run_folder(run) / "log.txt").write_text("training: 2/8 <b>\n")
    text = text_of(scientist, run)
    for words in (
        "Training, 2 of 8",
        "about 6 min left",
        'value="2"',
        "Attempt 2",
        "2/8 &lt;b&gt;",
        "ours.csv",
        "Seed",
    ):
        assert words in text, words
    assert "/somewhere/" not in text
    config = json.loads(text.split('<script id="losses" type="application/json">')[1].split("</script>")[0])
    assert config["data"]["labels"] == [1, 2]
    assert [series["data"] for series in config["data"]["datasets"]] == [[1.2, 0.8], [None, 0.7]]

    live = text_of(scientist, run, **{"X-Live-Poll": "1"})
    assert "<html" not in live
    assert 'hx-trigger="every 2s"' in live
    assert "data-losses=" in live


def test_a_finished_run_no_longer_asks_and_says_how_it_ended(
    client_of: ClientOf, version: ModelVersion
) -> None:
    radiologist = client_of(Role.RADIOLOGIST)
    failed = make_run(status="failed", error="The disk of /data is full.")
    text = text_of(radiologist, failed)
    assert "The disk of /data is full." in text
    assert "hx-get" not in text
    assert "Cancel the run" not in text
    folds = [
        {"fold": i, "n": 10, "accuracy": 0.9, "balanced_accuracy": 0.8, "auroc_macro": None} for i in range(3)
    ]
    figures = {"accuracy": 0.9, "balanced_accuracy": 0.8}
    done = make_run(
        status="completed",
        version=version,
        cross_validation={"folds": folds, "mean": figures, "deviation": figures},
    )
    text = text_of(radiologist, done)
    assert reverse("portal:version", args=["cxr", 1]) in text
    assert "Mean ± deviation" in text


def test_the_list_has_runs_and_standing_orders(scientist: Client) -> None:
    page = reverse("portal:training")
    assert "Nothing has been trained here yet" in scientist.get(page).content.decode()
    waited_for = DatasetSnapshot.objects.create(name="s", laboratory_days=7, requested_by="x")
    order = TrainingSchedule.objects.create(
        name="Monthly", trigger="calendar", ordered_by="admin@example.org"
    )
    make_run(snapshot=waited_for, schedule=order)
    text = scientist.get(page).content.decode()
    for words in (f"waits for Snapshot {waited_for.pk}", "Monthly", "every 30 days", "from cxr@champion"):
        assert words in text, words


@pytest.mark.parametrize("role", Role)
def test_who_sees_and_who_cancels(role: Role, client_of: ClientOf) -> None:
    client, run = client_of(role), make_run()
    sees = role in (Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR)
    cancels = role in (Role.DATA_SCIENTIST, Role.ADMINISTRATOR)
    answer = client.get(reverse("portal:training_run", args=[run.pk]))
    assert answer.status_code == (200 if sees else 404)
    assert ("Cancel the run" in answer.content.decode()) is cancels
    cancelled = client.post(reverse("portal:training_cancel", args=[run.pk]))
    assert cancelled.status_code == (302 if cancels else 404)
    run.refresh_from_db()
    assert run.status == ("cancelled" if cancels else "queued")
