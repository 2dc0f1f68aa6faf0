"""Finding work that was lost: the database is the truth, the broker only a hint."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models.functions import Now
from kombu import Queue

from apps.core.errors import ConflictError
from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.models import Diagnosis
from apps.diagnosis.services.running import diagnosis_fail
from apps.diagnosis.signals import diagnosis_queued

logger = logging.getLogger(__name__)

QUEUE = "inference"
SETTLED_SECONDS = 5
"""A message gets this long to reach the broker and a worker before its row may count as forgotten."""

BATCH = 500


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How many diagnoses were told to the broker again, and how many were given up."""

    enqueued: int
    failed: int


def diagnoses_sweep() -> SweepResult:
    """Enqueue what the broker forgot and what a dead worker left behind; give up after the last attempt.

    Queued rows are told again only while the broker holds fewer messages than there are such rows, so
    that a long queue, or a worker that is down for the night, does not fill the broker with copies.
    """
    failed = 0
    for diagnosis in Diagnosis.objects.abandoned().filter(attempts__gte=MAX_ATTEMPTS)[:BATCH]:
        try:
            diagnosis_fail(
                diagnosis=diagnosis,
                error=f"The worker died {diagnosis.attempts} times on this image; it is set aside.",
            )
        except ConflictError:
            continue  # finished after all, or another sweep was faster
        failed += 1
    enqueued = _enqueue(list(Diagnosis.objects.claimable().filter(status=Diagnosis.Status.RUNNING)[:BATCH]))
    waiting = Diagnosis.objects.filter(status=Diagnosis.Status.QUEUED)
    if (messages := broker_backlog()) is not None and messages < waiting.count():
        settled = Now() - timedelta(seconds=SETTLED_SECONDS)
        enqueued += _enqueue(list(waiting.filter(enqueued_at__lt=settled).order_by("enqueued_at")[:BATCH]))
    if enqueued or failed:
        logger.warning("Sweep: %d diagnoses enqueued again, %d given up", enqueued, failed)
    return SweepResult(enqueued=enqueued, failed=failed)


def broker_backlog(queue: str = QUEUE) -> int | None:
    """Return how many messages wait in a queue, inference's by default; None when the broker is away."""
    try:
        with current_app.connection_for_read() as connection, connection.channel() as channel:
            try:
                declared: Any = Queue(queue).bind(channel).queue_declare(passive=True)
                return int(declared.message_count)
            except connection.channel_errors:
                return 0  # a broker that lost its data has not even the queue; sending makes it again
    except Exception as error:  # noqa: BLE001 - each transport has errors of its own
        logger.warning("Broker unreachable (%s); the next sweep asks again", type(error).__name__)
        return None


@transaction.atomic
def _enqueue(diagnoses: list[Diagnosis]) -> int:
    for diagnosis in diagnoses:
        diagnosis_queued.send(sender=Diagnosis, diagnosis=diagnosis)
    Diagnosis.objects.filter(pk__in=[diagnosis.pk for diagnosis in diagnoses]).update(enqueued_at=Now())
    return len(diagnoses)
