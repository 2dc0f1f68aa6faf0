"""Standing orders: a snapshot and a run on it, on the calendar, after new reviews, or on an alarm."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import ConflictError, PlatformError
from apps.diagnosis.models import Review
from apps.retraining.models import DatasetSnapshot, TrainingRun, TrainingSchedule
from apps.retraining.requests import TrainingRequest
from apps.retraining.selectors.runs import manifest_paths
from apps.retraining.services.runs import run_start
from apps.retraining.services.snapshots import snapshot_request
from apps.retraining.triggers import alarms

logger = logging.getLogger(__name__)


def schedules_fire() -> list[TrainingRun]:
    """Start the run of the first standing order whose time has come; none while one of theirs is under way.

    What keeps an order from starting is kept with it, and tried again the next time.
    """
    for schedule in TrainingSchedule.objects.filter(enabled=True):
        try:
            if reason := schedule_due(schedule):
                return [_fire(schedule, reason)]
        except ConflictError:
            return []  # one is under way, or another beat was faster
        except PlatformError as error:
            logger.warning("Schedule %d could not start a run: %s", schedule.pk, error)
            TrainingSchedule.objects.filter(pk=schedule.pk).update(outcome=f"Could not start: {error}")
    return []


def schedule_fire(*, schedule: TrainingSchedule, actor: Actor) -> TrainingRun:
    """Start a standing order's run now, whether or not its time has come.

    Raises `NotPermittedError` without the right to configure, `ConflictError` while a run of a standing order
    is under way, and what keeps a snapshot or a run from being made.
    """
    actor.require(Right.CONFIGURE)
    return _fire(schedule, f"{actor.name} asked for it")


def schedule_due(schedule: TrainingSchedule) -> str | None:
    """Say why it is time for the order's run, or None while it is not."""
    since = schedule.fired_at or schedule.created_at
    rested = timezone.now() >= since + timedelta(days=schedule.every_days)
    if schedule.trigger == TrainingSchedule.Trigger.CALENDAR:
        return f"{schedule.every_days} days have passed" if rested else None
    if schedule.fired_at is not None and not rested:
        return None
    if schedule.trigger == TrainingSchedule.Trigger.REVIEWS:
        count = _new_reviews().values("diagnosis").distinct().count()
        return f"{count} images were reviewed since the last snapshot" if count >= schedule.reviews else None
    alarm = next((alarm for alarm in alarms if alarm.name == schedule.trigger), None)
    return alarm.raised_since(since) if alarm else None


def _new_reviews() -> QuerySet[Review]:
    hopeless = [DatasetSnapshot.Status.FAILED, DatasetSnapshot.Status.CANCELLED]
    last = DatasetSnapshot.objects.exclude(status__in=hopeless).order_by("-queued_at").first()
    return Review.objects.filter(created_at__gt=last.queued_at) if last else Review.objects.all()


@transaction.atomic
def _fire(schedule: TrainingSchedule, reason: str) -> TrainingRun:
    """Start snapshot and run, or neither; the order is claimed first, so that two cannot."""
    if TrainingRun.objects.unfinished().filter(schedule__isnull=False).exists():
        raise ConflictError("A run of a standing order is under way: one at a time.")
    as_read = {"fired_at": schedule.fired_at} if schedule.fired_at else {"fired_at__isnull": True}
    if not TrainingSchedule.objects.filter(pk=schedule.pk, **as_read).update(
        fired_at=Now(), outcome=f"Started a run: {reason}."
    ):
        raise ConflictError(f"“{schedule}” was started by somebody else just now.")
    actor = Actor(
        name=schedule.ordered_by, role=None, rights=frozenset(Right), source=f"schedule {schedule.pk}"
    )
    snapshot = snapshot_request(
        name=f"{schedule.name}, {timezone.now():%Y-%m-%d %H:%M}",
        actor=actor,
        manifests=manifest_paths(schedule.manifests),
    )
    request = TrainingRequest(
        manifests=(),
        architecture=schedule.architecture,
        init=schedule.init or None,
        epochs=schedule.epochs,
    )
    return run_start(request=request, snapshot=snapshot, schedule=schedule, actor=actor)
