"""Data sets that were lost are found again, and those that cannot be made are given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from celery import current_app
from django.db.models import F
from django.utils import timezone
from kombu import Queue
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.services.sweep import broker_backlog
from apps.retraining.models import DatasetSnapshot
from apps.retraining.services import snapshots_sweep
from apps.retraining.services.runs import QUEUE, SETTLED_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    _purge()
    yield
    _purge()


def _purge() -> None:
    with current_app.connection_for_write() as connection, connection.channel() as channel:
        Queue(QUEUE).bind(channel).purge()


@pytest.fixture
def snapshot() -> DatasetSnapshot:
    """A data set whose message is long gone."""
    made = DatasetSnapshot.objects.create(name="spring", laboratory_days=7, requested_by="test")
    age()
    return made


def age() -> None:
    DatasetSnapshot.objects.update(enqueued_at=F("enqueued_at") - timedelta(seconds=SETTLED_SECONDS + 1))


def test_a_forgotten_data_set_is_told_again_once(
    snapshot: DatasetSnapshot, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            snapshots_sweep()
        age()
        assert broker_backlog(QUEUE) == 1


def test_a_dead_trainers_data_set_is_handed_on_and_given_up_in_the_end(
    snapshot: DatasetSnapshot, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert DatasetSnapshot.objects.claim(snapshot.pk) is not None
        with django_capture_on_commit_callbacks(execute=True):
            snapshots_sweep()
        assert broker_backlog(QUEUE) == 0, "its lease still runs"
        DatasetSnapshot.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        if attempt < MAX_ATTEMPTS:
            with django_capture_on_commit_callbacks(execute=True):
                snapshots_sweep()
            assert broker_backlog(QUEUE) == 1
            _purge()
            age()
    snapshots_sweep()
    snapshot.refresh_from_db()
    assert snapshot.status == "failed"
    assert "The trainer died 3 times" in snapshot.error
