"""What the broker forgot, and what a killed worker left behind, is found again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from kombu import Queue
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.models import Diagnosis, WorklistEntry
from apps.diagnosis.services.sweep import SETTLED_SECONDS, SweepResult, broker_backlog, diagnoses_sweep

pytestmark = pytest.mark.django_db
MakeQueued = Callable[..., Diagnosis]


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    """Start and end with no messages."""
    _purge()
    yield
    _purge()


def _purge() -> None:
    with current_app.connection_for_write() as connection, connection.channel() as channel:
        Queue("inference").bind(channel).purge()


def age(seconds: float) -> None:
    """Let every queued row have been told to the broker that long ago."""
    Diagnosis.objects.update(enqueued_at=F("enqueued_at") - timedelta(seconds=seconds))


def test_a_lost_message_is_sent_again_once(
    make_queued: MakeQueued, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_queued()
    assert broker_backlog() == 1
    _purge()
    age(SETTLED_SECONDS + 1)

    with django_capture_on_commit_callbacks(execute=True):
        assert diagnoses_sweep() == SweepResult(enqueued=1, failed=0)
    assert broker_backlog() == 1

    age(SETTLED_SECONDS + 1)
    assert diagnoses_sweep() == SweepResult(enqueued=0, failed=0), "the message is there: no copies"


def test_a_message_on_its_way_is_left_alone(make_queued: MakeQueued) -> None:
    make_queued()

    assert diagnoses_sweep() == SweepResult(enqueued=0, failed=0)


def test_a_dead_worker_s_diagnosis_is_handed_on(
    make_queued: MakeQueued, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    diagnosis = make_queued()
    Diagnosis.objects.claim(diagnosis.pk)
    assert diagnoses_sweep() == SweepResult(enqueued=0, failed=0), "its lease still runs"
    Diagnosis.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    with django_capture_on_commit_callbacks(execute=True):
        assert diagnoses_sweep() == SweepResult(enqueued=1, failed=0)

    assert broker_backlog() == 1
    assert Diagnosis.objects.claim(diagnosis.pk) is not None


def test_an_image_that_kills_every_worker_is_set_aside(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    for _ in range(MAX_ATTEMPTS):
        assert Diagnosis.objects.claim(diagnosis.pk) is not None
        Diagnosis.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    assert diagnoses_sweep() == SweepResult(enqueued=0, failed=1)

    diagnosis.refresh_from_db()
    assert diagnosis.status == Diagnosis.Status.FAILED
    assert "died 3 times" in diagnosis.error
    assert WorklistEntry.objects.get().status == WorklistEntry.Status.FAILED
    assert diagnoses_sweep() == SweepResult(enqueued=0, failed=0)


def test_the_broker_folder_is_inside_the_data_folder(
    make_queued: MakeQueued, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_queued()

    assert list(Path(settings.DATA_DIR).rglob("*.inference.msg"))
