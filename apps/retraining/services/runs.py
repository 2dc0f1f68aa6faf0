"""Training runs: asked for, cancelled, and found again when they were lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError, NotPermittedError, PermanentError
from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.services.sweep import broker_backlog
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_from_reference
from apps.retraining.making import candidate_forget
from apps.retraining.models import DatasetSnapshot, TrainingRun, TrainingSchedule
from apps.retraining.requests import ARCHITECTURES, ENSEMBLE, TrainingRequest
from apps.retraining.selectors.runs import WORK, runs_ready, training_folder
from apps.retraining.signals import run_queued

logger = logging.getLogger(__name__)

QUEUE = "training"
SETTLED_SECONDS = 10
"""A message gets this long to reach the broker and a trainer before its row may count as forgotten."""


class RunRequestError(PermanentError):
    """No run can be made of what was asked for; says what to change."""


@transaction.atomic
def run_start(
    *,
    request: TrainingRequest,
    actor: Actor,
    snapshot: DatasetSnapshot | None = None,
    schedule: TrainingSchedule | None = None,
) -> TrainingRun:
    """Queue a training run on a snapshot, on manifests, or on both.

    It waits for a snapshot that is not completed yet. What can be known to be wrong without opening an image
    is said at once; the rest makes the run fail. Raises `NotPermittedError`, `RunRequestError` or
    `VersionNotFoundError`.
    """
    actor.require(Right.TRAIN)
    init = _checked(request, snapshot)
    run = TrainingRun.objects.create(
        request=request.to_json(),
        snapshot=snapshot,
        init_version=init,
        schedule=schedule,
        requested_by=actor.name,
    )
    event_record(
        action="training_requested",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="training_run",
        object_id=str(run.pk),
        detail={
            "architecture": request.architecture,
            "init": str(init) if init else "",
            "snapshot": snapshot.pk if snapshot else None,
        },
    )
    run_queued.send(sender=TrainingRun, run=run)
    return run


@transaction.atomic
def run_cancel(*, run: TrainingRun, actor: Actor) -> None:
    """End a run that is not finished; its trainer stops within seconds, and nothing of it is kept.

    Raises `NotPermittedError` for who may neither train nor configure, and `ConflictError` when it is
    finished.
    """
    if not (actor.may(Right.TRAIN) or actor.may(Right.CONFIGURE)):
        raise NotPermittedError(f"{actor.name} may not cancel a training run.")
    if not TrainingRun.objects.cancel(run.pk):
        raise ConflictError(f"{run} is finished already.")
    event_record(
        action="training_cancelled",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="training_run",
        object_id=str(run.pk),
    )


@dataclass(frozen=True, slots=True)
class RunSweep:
    """How many runs were told to the broker again, and how many were given up."""

    enqueued: int
    failed: int


def runs_sweep() -> RunSweep:
    """Enqueue runs that the broker forgot, whose snapshot is there now, or whose trainer died.

    A run whose trainers all died, or whose snapshot will never be there, fails.
    """
    failed = 0
    for run in TrainingRun.objects.abandoned().filter(attempts__gte=MAX_ATTEMPTS):
        held = TrainingRun.objects.abandoned().filter(pk=run.pk, attempts__gte=MAX_ATTEMPTS)
        failed += held.finish(
            TrainingRun.Status.FAILED,
            error=(
                f"The trainer died {run.attempts} times in a row on this run without finishing an epoch, "
                "most often for want of memory. Its log has the last lines; try smaller images or batches."
            ),
        )
    hopeless = [DatasetSnapshot.Status.FAILED, DatasetSnapshot.Status.CANCELLED]
    queued = TrainingRun.objects.filter(status=TrainingRun.Status.QUEUED)
    for run in queued.filter(snapshot__status__in=hopeless).select_related("snapshot"):
        assert run.snapshot is not None  # noqa: S101 - filtered
        failed += queued.filter(pk=run.pk).finish(
            TrainingRun.Status.FAILED,
            error=f"{run.snapshot} {run.snapshot.status}: there is nothing to train on. Make another.",
        )
    # Told to the broker once per interval: a trainer that is busy does not collect copies of a run.
    settled = Now() - timedelta(seconds=SETTLED_SECONDS)
    abandoned = TrainingRun.objects.claimable().filter(status=TrainingRun.Status.RUNNING)
    enqueued = _enqueue(list(abandoned.filter(enqueued_at__lt=settled)))
    waiting = runs_ready().filter(status=TrainingRun.Status.QUEUED)
    if (messages := broker_backlog(QUEUE)) is not None and messages < waiting.count():
        enqueued += _enqueue(list(waiting.filter(enqueued_at__lt=settled).order_by("enqueued_at")))
    if enqueued or failed:
        logger.warning("Sweep: %d training runs enqueued again, %d given up", enqueued, failed)
    return RunSweep(enqueued=enqueued, failed=failed)


def runs_tidy() -> None:
    """Delete what finished runs left on this machine when their trainer died before it could."""
    finished = TrainingRun.objects.exclude(status__in=[TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING])
    for folder in training_folder().glob(f"[0-9]*/{WORK}"):
        if folder.parent.name.isdecimal() and finished.filter(pk=int(folder.parent.name)).exists():
            candidate_forget(folder)


@transaction.atomic
def _enqueue(runs: list[TrainingRun]) -> int:
    for run in runs:
        run_queued.send(sender=TrainingRun, run=run)
    TrainingRun.objects.filter(pk__in=[run.pk for run in runs]).update(enqueued_at=Now())
    return len(runs)


def _checked(request: TrainingRequest, snapshot: DatasetSnapshot | None) -> ModelVersion | None:
    """Return the version that the run continues from. Raises `RunRequestError` for what cannot be."""
    if snapshot is None and not request.manifests:
        raise RunRequestError("There is nothing to train on: choose a snapshot, a manifest, or both.")
    if snapshot is not None and snapshot.status in (snapshot.Status.FAILED, snapshot.Status.CANCELLED):
        raise RunRequestError(f"{snapshot} {snapshot.status}; choose a completed one.")
    if request.architecture not in ARCHITECTURES:
        raise RunRequestError(
            f"Unknown architecture {request.architecture!r}; known: {', '.join(ARCHITECTURES)}."
        )
    if (request.architecture == ENSEMBLE) != bool(request.members):
        raise RunRequestError("An ensemble is made of member versions: give both or neither.")
    for member in request.members:
        version_from_reference(member)
    if request.init is None:
        return None
    init = version_from_reference(request.init)
    if init.architecture != request.architecture:
        raise RunRequestError(
            f"{init} is a {init.architecture}, and the run was to make a {request.architecture}: "
            "a run continues with the architecture that it starts from."
        )
    return init
