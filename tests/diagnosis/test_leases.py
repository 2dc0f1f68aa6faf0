"""The states of a diagnosis change by compare-and-set, on the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.core.leases import LEASE_SECONDS, MAX_ATTEMPTS
from apps.diagnosis.models import Diagnosis

pytestmark = pytest.mark.django_db
MakeQueued = Callable[..., Diagnosis]


def lease_expire(diagnosis: Diagnosis) -> None:
    """Let the lease have ended a second ago, as if its worker had been killed."""
    Diagnosis.objects.filter(pk=diagnosis.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_claim_takes_the_row_once(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()

    assert Diagnosis.objects.claim(diagnosis.pk) is not None
    assert Diagnosis.objects.claim(diagnosis.pk) is None

    diagnosis.refresh_from_db()
    assert diagnosis.status == Diagnosis.Status.RUNNING
    assert diagnosis.attempts == 1
    assert diagnosis.started_at is not None


def test_lease_ends_after_its_time_on_the_database_clock(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    Diagnosis.objects.claim(diagnosis.pk)

    diagnosis.refresh_from_db()

    assert diagnosis.lease_expires_at is not None
    left = diagnosis.lease_expires_at - timezone.now()
    assert timedelta(seconds=LEASE_SECONDS - 5) < left <= timedelta(seconds=LEASE_SECONDS + 1)


def test_expired_lease_is_taken_over_and_the_first_worker_stores_nothing(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    first = Diagnosis.objects.claim(diagnosis.pk)
    assert first is not None
    lease_expire(diagnosis)

    second = Diagnosis.objects.claim(diagnosis.pk)
    assert second is not None

    assert not Diagnosis.objects.leased(diagnosis.pk, first).renew()
    assert not Diagnosis.objects.leased(diagnosis.pk, first).finish(
        Diagnosis.Status.COMPLETED, label="normal"
    )
    assert Diagnosis.objects.leased(diagnosis.pk, second).finish(Diagnosis.Status.COMPLETED, label="covid19")
    assert not Diagnosis.objects.leased(diagnosis.pk, second).finish(Diagnosis.Status.COMPLETED)
    diagnosis.refresh_from_db()
    assert (diagnosis.label, diagnosis.attempts, diagnosis.lease_token) == ("covid19", 2, None)


def test_renewed_lease_cannot_be_taken(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    token = Diagnosis.objects.claim(diagnosis.pk)
    assert token is not None
    lease_expire(diagnosis)

    assert Diagnosis.objects.leased(diagnosis.pk, token).renew()

    assert Diagnosis.objects.claim(diagnosis.pk) is None


def test_no_claim_after_the_last_attempt(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    for _ in range(MAX_ATTEMPTS):
        assert Diagnosis.objects.claim(diagnosis.pk) is not None
        lease_expire(diagnosis)

    assert Diagnosis.objects.claim(diagnosis.pk) is None


def test_attempt_given_back_is_not_counted(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()
    token = Diagnosis.objects.claim(diagnosis.pk)
    assert token is not None

    assert Diagnosis.objects.leased(diagnosis.pk, token).requeue(error="no storage", spent=False)

    diagnosis.refresh_from_db()
    assert (diagnosis.status, diagnosis.attempts) == (Diagnosis.Status.QUEUED, 0)


def test_one_current_diagnosis_per_instance_and_version(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()

    with pytest.raises(IntegrityError), transaction.atomic():
        Diagnosis.objects.create(instance=diagnosis.instance, model_version=diagnosis.model_version)
    for _ in range(2):  # superseded ones may be many
        Diagnosis.objects.create(
            instance=diagnosis.instance, model_version=diagnosis.model_version, current=None
        )
