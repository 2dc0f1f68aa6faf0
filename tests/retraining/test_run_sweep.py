"""Runs that were lost are found again, and those that cannot be are given up; progress as rows keep it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import current_app
from django.db.models import F
from django.utils import timezone
from kombu import Queue
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.services.sweep import broker_backlog
from apps.retraining.models import DatasetSnapshot, TrainingRun
from apps.retraining.progress import Step
from apps.retraining.requests import ARCHITECTURES, ENSEMBLE, CandidateOrder, TrainingRequest
from apps.retraining.selectors.runs import run_folder
from apps.retraining.services.execution import RunProgress, order_of, run_execute
from apps.retraining.services.runs import QUEUE, SETTLED_SECONDS, RunSweep, runs_sweep, runs_tidy
from ml.architectures import CLASSIFIERS

pytestmark = pytest.mark.django_db
NOTHING = RunSweep(enqueued=0, failed=0)


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    _purge()
    yield
    _purge()


def _purge() -> None:
    with current_app.connection_for_write() as connection, connection.channel() as channel:
        Queue(QUEUE).bind(channel).purge()


def make_run(**fields: object) -> TrainingRun:
    run = TrainingRun.objects.create(request={"architecture": "compact_resnet"}, requested_by="x", **fields)
    _let_settle()
    return run


def _let_settle() -> None:
    TrainingRun.objects.update(enqueued_at=F("enqueued_at") - timedelta(seconds=SETTLED_SECONDS + 1))


def test_a_forgotten_run_is_told_again_once(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_run()
    with django_capture_on_commit_callbacks(execute=True):
        assert runs_sweep() == RunSweep(enqueued=1, failed=0)
    assert broker_backlog(QUEUE) == 1
    _let_settle()
    assert runs_sweep() == NOTHING, "the message is there: no copies"


def test_a_dead_trainers_run_is_handed_on_and_given_up_in_the_end() -> None:
    run = make_run()
    for _ in range(MAX_ATTEMPTS):
        assert TrainingRun.objects.claim(run.pk) is not None
        assert runs_sweep() == NOTHING, "its lease still runs"
        TrainingRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        if TrainingRun.objects.get().attempts < MAX_ATTEMPTS:
            assert runs_sweep() == RunSweep(enqueued=1, failed=0)
            assert runs_sweep() == NOTHING, "a busy trainer does not collect copies"
            _let_settle()
    assert runs_sweep() == RunSweep(enqueued=0, failed=1)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "The trainer died 3 times in a row" in run.error


def test_a_run_waits_for_its_snapshot_and_fails_with_it() -> None:
    snapshot = DatasetSnapshot.objects.create(name="s", laboratory_days=7, requested_by="x")
    run = make_run(snapshot=snapshot)
    run_execute(run_id=run.pk)
    assert runs_sweep() == NOTHING
    assert TrainingRun.objects.get().attempts == 0, "no trainer takes it before its data is there"

    DatasetSnapshot.objects.update(status=DatasetSnapshot.Status.COMPLETED, sha256="a" * 64)
    assert runs_sweep() == RunSweep(enqueued=1, failed=0)

    DatasetSnapshot.objects.update(status=DatasetSnapshot.Status.FAILED)
    assert runs_sweep() == RunSweep(enqueued=0, failed=1)
    run.refresh_from_db()
    assert f"Snapshot {snapshot.pk} failed" in run.error


def test_what_a_dead_trainer_left_of_a_cancelled_run_is_deleted(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    cancelled, queued = make_run(status="cancelled"), make_run()
    for run in (cancelled, queued):
        (run_folder(run) / "work").mkdir(parents=True)
    runs_tidy()
    assert not (run_folder(cancelled) / "work").exists()
    assert (run_folder(queued) / "work").exists()


def test_a_trainer_is_told_the_snapshot_before_the_manifests_and_to_name_it_in_the_lineage(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    snapshot = DatasetSnapshot.objects.create(
        name="s", laboratory_days=7, requested_by="x", sha256="b" * 64, status="completed"
    )
    run = make_run(snapshot=snapshot)
    run.request = {"architecture": "compact_resnet", "manifests": ["/m/public.csv"]}
    order = order_of(run)
    assert order.request.manifests == (
        tmp_path / "datasets" / snapshot.sha256 / "manifest.csv",
        Path("/m/public.csv"),
    )
    assert order.provenance == {"requested_by": "x", "snapshot_sha256": snapshot.sha256}
    assert (order.champion, order.folder) == (None, run_folder(run) / "work")


def test_progress_keeps_every_epoch_once_and_only_finite_figures() -> None:
    told = RunProgress([{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.9}])
    assert told.changes() == {}
    told.take(Step("preparing", 3, 10))
    assert told.changes()["progress"] | {"seconds_left": None} == {
        "stage": "preparing",
        "done": 3,
        "total": 10,
        "seconds_left": None,
    }
    told.take(Step("training", 2, 4, {"loss": 0.8, "calibration_loss": float("nan"), "minutes_left": 1.5}))
    told.take(Step("cross-validation 1 of 3: training", 1, 4, {"loss": 0.7, "fold": 0.0}))
    changes = told.changes()
    assert changes["history"] == [
        {"epoch": 1, "loss": 1.0},
        {"epoch": 2, "loss": 0.8},
        {"epoch": 1, "loss": 0.7, "fold": 0.0},
    ]
    assert changes["attempts"] == 1, "an epoch was finished: the attempts count anew"
    assert "attempts" not in told.changes()


def test_a_request_and_an_order_survive_the_way_to_the_child() -> None:
    request = TrainingRequest(
        manifests=(Path("/m/a.csv"),),
        architecture="compact_resnet",
        init="cxr:1",
        classes={"a": ("normal", "covid19")},
        epochs=0,
        quantise=False,
        class_weights={"a": 2.0},
    )
    assert TrainingRequest.from_json(request.to_json()) == request
    assert TrainingRequest.from_json({**request.to_json(), "forgotten_setting": 1}) == request
    assert not request.is_fine_tuning, "0 epochs only calibrate"
    order = CandidateOrder(
        request=request,
        folder=Path("/data/training/1/work"),
        cache_dir=Path("/data/training/cache"),
        lungs=Path("/models/x"),
        init=Path("/models/x"),
        members=(Path("/models/y"),),
        parent_audit={"verdict": "pass"},
        champion=Path("/models/x"),
        champion_name="cxr:1",
        provenance={"requested_by": "x"},
    )
    assert CandidateOrder.from_json(order.to_json()) == order


def test_the_architectures_that_can_be_asked_for_are_those_that_can_be_built() -> None:
    assert set(ARCHITECTURES) == {*CLASSIFIERS, ENSEMBLE}
