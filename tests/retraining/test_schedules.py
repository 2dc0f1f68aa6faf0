"""Standing orders: when their time comes, one at a time, and whose they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.core.registries import Registry
from apps.diagnosis.models import Diagnosis, Review
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.retraining.models import DatasetSnapshot, TrainingRun, TrainingSchedule
from apps.retraining.services import schedules
from apps.retraining.services.schedules import schedule_due, schedules_fire
from apps.retraining.triggers import Alarm
from apps.studies.models import Received
from apps.studies.services.ingest import object_ingest
from tests.api.conftest import png

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _champion(settings: Settings, tmp_path: Path) -> ModelVersion:
    settings.MANIFESTS_DIR = tmp_path
    (tmp_path / "ours.csv").write_text("file,label\n")
    model = RegisteredModel.objects.create(name="cxr")
    version = ModelVersion.objects.create(
        model=model,
        number=1,
        sha256="a" * 64,
        folder="a",
        architecture="compact_resnet",
        labels=["normal"],
        preprocessing_version="test",
        operating_points={},
        created_by="system",
    )
    Alias.objects.create(model=model, name=Alias.Name.CHAMPION, version=version)
    return version


def make_schedule(**fields: object) -> TrainingSchedule:
    schedule = TrainingSchedule.objects.create(
        **{"name": "Order", "ordered_by": "admin@example.org", **fields}
    )
    schedule.refresh_from_db()
    return schedule


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def review_images(count: int) -> None:
    """Have so many images reviewed by a radiologist, each twice."""
    roles_sync()
    radiologist = user_create(email="r@example.org", role=Role.RADIOLOGIST, password="p4ss-Word-1", by="test")
    for seed in range(count):
        found = object_ingest(source=png(seed), door=Received.Door.IMPORT, sender="test", actor="test")
        diagnosis = Diagnosis.objects.get(instance=found.instance)
        for _ in range(2):
            Review.objects.create(diagnosis=diagnosis, reviewer=radiologist, verdict="agree")


def test_the_calendar_starts_a_snapshot_and_a_run_once() -> None:
    schedule = make_schedule(trigger="calendar", every_days=7, epochs=3, manifests=["ours.csv"])
    assert schedules_fire() == [], "a week from when it was set up"
    TrainingSchedule.objects.update(created_at=days_ago(7))
    (run,) = schedules_fire()
    assert run.snapshot == DatasetSnapshot.objects.get()
    assert run.snapshot.name.startswith("Order, ")
    assert [Path(path).name for path in run.snapshot.manifests] == ["ours.csv"]
    assert (run.schedule, run.requested_by) == (schedule, "admin@example.org")
    assert run.request == {
        "manifests": [],
        "architecture": "compact_resnet",
        "init": "cxr@champion",
        "epochs": 3,
    }
    schedule.refresh_from_db()
    assert schedule.outcome == "Started a run: 7 days have passed."
    TrainingSchedule.objects.update(fired_at=days_ago(8))
    assert schedules_fire() == [], "the run is still under way"
    TrainingRun.objects.update(status=TrainingRun.Status.COMPLETED)
    assert len(schedules_fire()) == 1
    assert schedules_fire() == []


def test_so_many_new_reviews_start_a_run_but_not_too_often() -> None:
    schedule = make_schedule(trigger="reviews", reviews=3, every_days=2)
    review_images(2)
    assert schedule_due(schedule) is None, "an image that two readers saw is one image"
    TrainingSchedule.objects.update(reviews=2)
    (run,) = schedules_fire()
    schedule.refresh_from_db()
    assert schedule.outcome == "Started a run: 2 images were reviewed since the last snapshot."
    TrainingRun.objects.filter(pk=run.pk).update(status=TrainingRun.Status.FAILED)
    assert schedule_due(schedule) is None, "those reviews are in the snapshot"
    DatasetSnapshot.objects.update(status=DatasetSnapshot.Status.FAILED)
    assert schedule_due(schedule) is None, "two days have not passed"
    schedule.fired_at = days_ago(3)
    assert schedule_due(schedule) is not None, "a snapshot that failed holds no reviews"


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Let drift be watched: the moments at which it was noticed."""
    noticed: list[datetime] = []
    watched: Registry[Alarm] = Registry()
    watched.register(Alarm("drift", lambda since: "PSI 0.31" if any(at > since for at in noticed) else None))
    monkeypatch.setattr(schedules, "alarms", watched)
    return noticed


def test_an_alarm_since_the_last_time_starts_a_run(alarm: list[datetime]) -> None:
    make_schedule(trigger="drift")
    unwatched = make_schedule(name="Readers", trigger="agreement")
    assert schedules_fire() == []
    alarm.append(timezone.now())
    (run,) = schedules_fire()
    assert run.schedule is not None
    assert run.schedule.name == "Order"
    TrainingRun.objects.update(status=TrainingRun.Status.COMPLETED)
    assert schedules_fire() == [], "that alarm was answered"
    assert schedule_due(unwatched) is None


def test_what_keeps_an_order_from_starting_is_said_and_nothing_is_left_behind() -> None:
    schedule = make_schedule(trigger="calendar", every_days=1, init="cxr:7")
    TrainingSchedule.objects.update(created_at=days_ago(2))
    assert schedules_fire() == []
    schedule.refresh_from_db()
    assert schedule.fired_at is None
    assert "Could not start: 'cxr:7' is not registered" in schedule.outcome
    assert not DatasetSnapshot.objects.exists()
    TrainingSchedule.objects.update(enabled=False, outcome="")
    schedules_fire()
    assert TrainingSchedule.objects.get().outcome == ""


@pytest.fixture
def administrator(settings: Settings) -> Client:
    settings.MFA_REQUIRED = False
    roles_sync()
    client = Client()
    client.force_login(
        user_create(email="boss@example.org", role=Role.ADMINISTRATOR, password="p4ss-Word-1", by="test")
    )
    return client


def test_an_administrator_sets_up_changes_and_starts_orders(administrator: Client) -> None:
    form = {
        "name": "Monthly",
        "enabled": "on",
        "trigger": "calendar",
        "every_days": "30",
        "reviews": "200",
        "architecture": "compact_resnet",
        "init": "cxr@champion",
        "manifests": '["ours.csv"]',
        "epochs": "",
    }
    address = reverse("admin:retraining_trainingschedule_add")
    for wrong, message in (
        ({"init": "cxr:9"}, "not registered"),
        ({"manifests": '["none.csv"]'}, "No manifest none.csv"),
        ({"manifests": '{"a": 1}'}, "Expected a list of names"),
        ({"every_days": "0"}, "greater than or equal to 1"),
    ):
        assert message in administrator.post(address, {**form, **wrong}).content.decode()
    assert administrator.post(address, form).status_code == 302
    schedule = TrainingSchedule.objects.get()
    assert schedule.ordered_by == "boss@example.org"

    listing = reverse("admin:retraining_trainingschedule_changelist")
    action = {"action": "start_now", "_selected_action": [schedule.pk]}
    assert "is queued" in administrator.post(listing, action, follow=True).content.decode()
    assert "one at a time" in administrator.post(listing, action, follow=True).content.decode()
    run = TrainingRun.objects.get()
    assert run.requested_by == "boss@example.org"

    runs = reverse("admin:retraining_trainingrun_changelist")
    cancelled = administrator.post(runs, {"action": "cancel", "_selected_action": [run.pk]}, follow=True)
    assert "1 cancelled" in cancelled.content.decode()
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert administrator.get(reverse("admin:retraining_trainingrun_change", args=[run.pk])).status_code == 200
