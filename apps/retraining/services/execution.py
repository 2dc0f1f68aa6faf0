"""A trainer carries out one run: a child makes the candidate; this process watches, tells, registers."""

from __future__ import annotations

import errno
import logging
import math
import threading
import time
from typing import Any

from django.db import DatabaseError, connection, transaction

from apps.audit.services import event_record
from apps.core.errors import PermanentError
from apps.core.leases import MAX_ATTEMPTS, Heartbeat, LeasedQuerySet, LeaseLostError
from apps.retraining.child import RunLog, TrainerChild
from apps.retraining.making import candidate_forget, candidate_read
from apps.retraining.models import TrainingRun
from apps.retraining.progress import Step
from apps.retraining.requests import CandidateOrder, TrainingRequest
from apps.retraining.selectors.runs import WORK, run_folder, snapshot_manifest
from apps.retraining.services.candidates import candidate_order, candidate_register

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long a cancellation may go unnoticed, and how often the row is told what is new."""

stopping = threading.Event()
"""Set when this trainer is told to end: its run is given back, for the next trainer to go on with."""


class TrainerStoppedError(Exception):
    """This trainer was told to end while a run was under way."""


def run_execute(*, run_id: int) -> None:
    """Carry out one queued or abandoned run, and store what came of it.

    Does nothing when another trainer holds it, it is finished, or it waits for its snapshot, so that a
    message may arrive twice. What is wrong with the order fails the run; a child that dies is tried again
    until three attempts in a row did not finish an epoch.
    """
    run = TrainingRun.objects.select_related("snapshot", "init_version__model").filter(pk=run_id).first()
    if run is None or not _has_data(run):
        return
    token = TrainingRun.objects.claim(run.pk)
    if token is None:
        return
    run.refresh_from_db(fields=["status", "attempts", "history"])
    held = TrainingRun.objects.leased(run.pk, token)
    log = RunLog(run_folder(run))
    try:
        with Heartbeat(held) as heartbeat:
            _attempt(run, held, heartbeat, log)
    except LeaseLostError:
        log.write("Cancelled, or taken over by another trainer; this one stops.")
        _forget_if_cancelled(run)
    except TrainerStoppedError:
        log.write("The trainer was told to end; the run goes on with the next one.")
        held.requeue(error="", spent=False)
    finally:
        log.close()


def _has_data(run: TrainingRun) -> bool:
    return run.snapshot is None or run.snapshot.status == run.snapshot.Status.COMPLETED


def _attempt(run: TrainingRun, held: LeasedQuerySet[Any], heartbeat: Heartbeat, log: RunLog) -> None:
    """Carry the run out, and let each kind of failure have its consequence."""
    try:
        _carry_out(run, held, heartbeat, log)
    except (LeaseLostError, TrainerStoppedError, DatabaseError):
        raise  # nothing can be stored now; a lease that runs out is handed on by the sweep
    except PermanentError as error:
        _fail(run, held, log, str(error))
    except OSError as error:
        _fail(run, held, log, _explained(error))
    except Exception as error:
        logger.exception("%s failed, attempt %d", run, run.attempts)
        _try_again(run, held, log, f"{type(error).__name__}: {error}")


def _carry_out(run: TrainingRun, held: LeasedQuerySet[Any], heartbeat: Heartbeat, log: RunLog) -> None:
    order = order_of(run)
    child = TrainerChild(order, log=log)
    log.write(f"Attempt {run.attempts}, process {child.pid}: {run.requested_by} asked for {run.request}")
    try:
        _watch(child, run, held, heartbeat)
    finally:
        child.kill()
    if child.failure is not None and child.failure.permanent:
        raise PermanentError(child.failure.reason)
    if child.exit_status != 0:
        reason = (
            child.failure.reason if child.failure else f"The training process {_ended(child.exit_status)}."
        )
        _try_again(run, held, log, reason)
        return
    _register(run, held, order, log)


def _watch(child: TrainerChild, run: TrainingRun, held: LeasedQuerySet[Any], heartbeat: Heartbeat) -> None:
    """Tell the row what the child says until that ends; a lease that is gone ends it at once."""
    told = RunProgress(run.history)
    asked = time.monotonic()
    while not child.is_over():
        for step in child.steps(seconds=POLL_SECONDS):
            told.take(step)
        if heartbeat.lost.is_set():
            raise LeaseLostError(f"{run} is no longer held by this trainer.")
        if stopping.is_set():
            _tell(run, held, told)
            raise TrainerStoppedError
        if time.monotonic() - asked >= POLL_SECONDS:
            asked = time.monotonic()
            _tell(run, held, told)
    # What it said last, too: the next attempt goes on after an epoch that the row must know.
    _tell(run, held, told)


def _tell(run: TrainingRun, held: LeasedQuerySet[Any], told: RunProgress) -> None:
    try:
        if not held.renew(**told.changes()):
            raise LeaseLostError(f"{run} is no longer held by this trainer.")
    except DatabaseError as error:  # the training goes on; the row hears of it later
        logger.warning("The progress of %s was not stored: %s", run, error)
        connection.close()


class RunProgress:
    """What a child's steps say, as the row keeps it."""

    def __init__(self, history: list[dict[str, Any]]) -> None:
        self._epochs = {(row.get("fold"), row["epoch"]): row for row in history}
        self._step: Step | None = None
        self._began = time.monotonic()
        self._epoch_finished = False

    def take(self, step: Step) -> None:
        """Remember a step; an epoch that is told again, after an interruption, takes its own place."""
        if self._step is None or step.stage != self._step.stage or step.done < self._step.done:
            self._began = time.monotonic()
        self._step = step
        if "loss" in step.figures:
            kept = {
                name: round(value, 4)
                for name, value in step.figures.items()
                if name != "minutes_left" and math.isfinite(value)  # JSON knows no NaN
            }
            self._epochs[kept.get("fold"), step.done] = {"epoch": step.done, **kept}
            self._epoch_finished = True

    def changes(self) -> dict[str, Any]:
        """Give the columns to update; a finished epoch makes the attempts count anew."""
        if self._step is None:
            return {}
        step = self._step
        changes: dict[str, Any] = {
            "progress": {
                "stage": step.stage,
                "done": step.done,
                "total": step.total,
                "seconds_left": self._seconds_left(step),
            }
        }
        if self._epoch_finished:
            changes |= {"history": list(self._epochs.values()), "attempts": 1}
            self._epoch_finished = False
        return changes

    def _seconds_left(self, step: Step) -> int | None:
        """Estimate the stage's remaining seconds: the training's own estimate, else by the pace so far."""
        if "minutes_left" in step.figures:
            return round(60 * step.figures["minutes_left"])
        if not 0 < step.done <= step.total:
            return None
        return round((time.monotonic() - self._began) * (step.total - step.done) / step.done)


def _register(run: TrainingRun, held: LeasedQuerySet[Any], order: CandidateOrder, log: RunLog) -> None:
    if not held.renew(progress={"stage": "registering", "done": 0, "total": 1, "seconds_left": None}):
        raise LeaseLostError(f"{run} is no longer held by this trainer.")
    candidate = candidate_read(order.folder)
    version = candidate_register(candidate, by=run.requested_by)
    with transaction.atomic():
        TrainingRun.objects.filter(pk=run.pk).update(version=version)  # even if it was cancelled just now
        completed = held.finish(
            TrainingRun.Status.COMPLETED, error="", progress={}, cross_validation=candidate.cross_validation
        )
        if completed:
            event_record(
                action="training_completed",
                actor=run.requested_by,
                object_type="training_run",
                object_id=str(run.pk),
                detail={"version": str(version)},
            )
    log.write(f"Registered as {version}.")
    candidate_forget(order.folder)


def order_of(run: TrainingRun) -> CandidateOrder:
    """Say what a trainer's child must know of a run whose data is there."""
    return candidate_order(
        request=TrainingRequest.from_json(run.request),
        init=run.init_version,
        folder=run_folder(run) / WORK,
        requested_by=run.requested_by,
        snapshot_sha256=run.snapshot.sha256 if run.snapshot else "",
        manifests=[snapshot_manifest(run.snapshot)] if run.snapshot else [],
    )


def _try_again(run: TrainingRun, held: LeasedQuerySet[Any], log: RunLog, reason: str) -> None:
    """Let the sweep hand the run out again, or give up after the last attempt."""
    log.write(reason)
    run.refresh_from_db(fields=["attempts"])  # a finished epoch made them count anew
    if run.attempts >= MAX_ATTEMPTS:
        _fail(run, held, log, f"Tried {run.attempts} times in a row without finishing an epoch. {reason}")
    else:
        held.requeue(error=reason)


def _fail(run: TrainingRun, held: LeasedQuerySet[Any], log: RunLog, reason: str) -> None:
    log.write(f"Failed: {reason}")
    with transaction.atomic():
        if held.finish(TrainingRun.Status.FAILED, error=reason):
            event_record(
                action="training_failed",
                actor=run.requested_by,
                object_type="training_run",
                object_id=str(run.pk),
                outcome="failure",
            )
    candidate_forget(run_folder(run) / WORK)


def _forget_if_cancelled(run: TrainingRun) -> None:
    """Delete what a cancelled run had made; one that another trainer took over needs it."""
    run.refresh_from_db(fields=["status"])
    if run.status == TrainingRun.Status.CANCELLED:
        candidate_forget(run_folder(run) / WORK)


def _ended(status: int) -> str:
    if status == -9:
        return "was killed, most often because the machine had no memory left for it"
    return f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"


def _explained(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {error.filename or 'the data folder'} is full. Free some space and run again."
    return f"{error.filename or 'A file'}: {error.strerror or error}. Nothing was kept; start the run again."
