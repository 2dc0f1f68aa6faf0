"""Training runs by a real trainer's child, on small drawn images: whole, killed, cancelled, failing."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.audit.models import AuditEvent
from apps.core.leases import MAX_ATTEMPTS
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_folder
from apps.registry.services import bundled_model_register
from apps.retraining.child import LOG_NAME
from apps.retraining.models import TrainingRun
from apps.retraining.requests import TrainingRequest
from apps.retraining.selectors.runs import run_folder
from apps.retraining.services.execution import run_execute, stopping
from apps.retraining.services.runs import run_cancel, run_start
from tests.ml.conftest import ManifestMaker
from tests.waiting import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.training, pytest.mark.timeout(900)]

SCIENTIST = Actor(
    "scientist@example.org", Role.DATA_SCIENTIST, RIGHTS_OF_ROLE[Role.DATA_SCIENTIST], user_id=1
)
EPOCHS = 6


@pytest.fixture(autouse=True)
def _data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MODELS_DIR = tmp_path / "data" / "models"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums in one order: without it two trainings differ in the last bits."""
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "1")
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "1")


StartRun = Callable[..., TrainingRun]


@pytest.fixture
def start(make_manifest: ManifestMaker) -> StartRun:
    """Ask for a run on twelve small images, as small as the audit allows."""
    rows = [
        {"label": label, "fold": fold, "group": f"{fold}-{label}-{i}"}
        for fold in range(3)
        for label in ("normal", "covid19")
        for i in range(2)
    ]
    manifest = make_manifest(rows)

    def make(**settings: Any) -> TrainingRun:
        chosen: dict[str, Any] = {
            "architecture": "multi_kernel_cnn",
            "classes": {"negative": ("normal",), "positive": ("covid19",)},
            "epochs": EPOCHS,
            "batch_size": 4,
            "input_size": 16,
            "quantise": False,
            **settings,
        }
        return run_start(request=TrainingRequest(manifests=(manifest,), **chosen), actor=SCIENTIST)

    return make


def log_of(run: TrainingRun) -> str:
    path = run_folder(run) / LOG_NAME
    return path.read_text() if path.is_file() else ""


def children_of(run: TrainingRun) -> list[int]:
    """Return the process ids of the run's children, in the order of its attempts."""
    return [int(pid) for pid in re.findall(r"process (\d+):", log_of(run))]


def epochs_told(run: TrainingRun) -> list[int]:
    return [int(done) for done in re.findall(rf"training: (\d+)/{EPOCHS}", log_of(run))]


def weights_sha256(version: ModelVersion) -> str:
    return hashlib.sha256((version_folder(version) / "model.weights.h5").read_bytes()).hexdigest()


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread while the block runs; what it raises is raised at the end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()
    if raised:
        raise raised[0]


def test_a_killed_run_goes_on_and_gives_the_very_same_weights(start: StartRun) -> None:
    bundled_model_register()
    whole = start()
    run_execute(run_id=whole.pk)
    whole.refresh_from_db()
    assert (whole.status, whole.error) == ("completed", ""), log_of(whole)
    assert whole.version is not None
    assert [row["epoch"] for row in whole.history] == list(range(1, EPOCHS + 1))
    assert whole.version.created_by == whole.version.lineage["requested_by"] == SCIENTIST.name
    assert whole.version.audit["verdict"] in ("pass", "warn", "fail")
    assert whole.version.comparison["champion"] == "cxr:1"
    assert {row["metric"] for row in whole.version.comparison["rows"]} >= {"accuracy", "auroc_macro", "brier"}
    assert [path.name for path in run_folder(whole).iterdir()] == [LOG_NAME], (
        "the work is gone, the log stays"
    )

    killed = start()

    def kill_the_child() -> None:
        wait_for(lambda: len(epochs_told(killed)) >= 2, deadline=300, what="the second epoch", every=0.01)
        os.kill(children_of(killed)[-1], signal.SIGKILL)

    with meanwhile(kill_the_child):
        run_execute(run_id=killed.pk)
    killed.refresh_from_db()
    assert killed.status == "queued"
    assert "was killed" in killed.error
    assert ModelVersion.objects.count() == 2, "nothing of it is visible"
    before = len(epochs_told(killed))
    assert 2 <= before < EPOCHS

    run_execute(run_id=killed.pk)
    killed.refresh_from_db()
    assert (killed.status, killed.error) == ("completed", ""), log_of(killed)
    assert killed.version is not None
    assert epochs_told(killed) == list(range(1, EPOCHS + 1)), "no epoch was trained twice"
    assert [row["epoch"] for row in killed.history] == list(range(1, EPOCHS + 1))
    assert weights_sha256(killed.version) == weights_sha256(whole.version)


def test_a_cancelled_run_stops_within_seconds_and_keeps_nothing(start: StartRun) -> None:
    run = start()

    def cancel() -> None:
        wait_for(lambda: children_of(run), deadline=60, what="the child")
        run_cancel(run=run, actor=SCIENTIST)

    with meanwhile(cancel):
        run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert not Path(f"/proc/{children_of(run)[0]}").exists()
    assert [path.name for path in run_folder(run).iterdir()] == [LOG_NAME]
    assert not ModelVersion.objects.exists()


def test_a_trainer_that_is_told_to_end_gives_the_run_back(start: StartRun) -> None:
    run = start()
    stopping.set()
    try:
        run_execute(run_id=run.pk)
    finally:
        stopping.clear()
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error) == ("queued", 0, "")
    assert not Path(f"/proc/{children_of(run)[0]}").exists()


def test_a_run_whose_child_always_dies_fails_after_three_attempts(start: StartRun) -> None:
    run = start()
    for attempt in range(1, MAX_ATTEMPTS + 1):

        def kill_the_child(attempt: int = attempt) -> None:
            wait_for(lambda: len(children_of(run)) == attempt, deadline=60, what="the child", every=0.01)
            os.kill(children_of(run)[-1], signal.SIGKILL)

        with meanwhile(kill_the_child):
            run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "Tried 3 times in a row without finishing an epoch" in run.error
    assert AuditEvent.objects.get(action="training_failed").object_id == str(run.pk)


def test_what_cannot_be_trained_fails_at_once_and_says_why(start: StartRun) -> None:
    run = start(test_fold=7)
    run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == ("failed", 1)
    assert "no fold 7" in run.error
    assert "Failed: " in log_of(run)


def test_a_full_disk_fails_the_run_clearly(start: StartRun) -> None:
    run = start(epochs=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # what a child may write to one file
    try:
        run_execute(run_id=run.pk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run.refresh_from_db()
    assert run.status == "failed", log_of(run)
    assert "The disk filled up during the run" in run.error
    assert "Free some space" in run.error
    assert [path.name for path in run_folder(run).iterdir()] == [LOG_NAME]
    assert not ModelVersion.objects.exists()


def test_a_second_message_finds_nothing_to_do(start: StartRun) -> None:
    run = start()
    assert TrainingRun.objects.claim(run.pk) is not None
    run_execute(run_id=run.pk)
    run_execute(run_id=run.pk + 1)
    run.refresh_from_db()
    assert (run.status, run.attempts) == ("running", 1)
    assert not run_folder(run).exists()
