"""Training in the background."""

from __future__ import annotations

from typing import Any

from celery import signals

from apps.core.tasks import task
from apps.retraining.services.execution import run_execute, stopping
from apps.retraining.services.runs import runs_sweep
from apps.retraining.services.schedules import schedules_fire
from apps.retraining.services.snapshots import snapshot_build, snapshots_sweep
from apps.retraining.services.watching import champion_watch

LONGEST_RUN_SECONDS = 14 * 24 * 3600
"""Far beyond any run: what hangs is ended by a person, who sees that nothing moves."""


@task(name="retraining.run_training", queue="training", time_limit=LONGEST_RUN_SECONDS)
def run_training(run_id: int) -> None:
    """Carry out one training run; does nothing when another trainer has it or it is finished."""
    run_execute(run_id=run_id)


@task(name="retraining.sweep_runs", queue="housekeeping", time_limit=60)
def sweep_runs() -> None:
    """Enqueue again what was lost, every 10 s."""
    runs_sweep()


@task(name="retraining.fire_schedules", queue="housekeeping", time_limit=60)
def fire_schedules() -> None:
    """Start the standing order whose time has come, looked at every minute."""
    schedules_fire()


@task(name="retraining.build_snapshot", queue="training", time_limit=LONGEST_RUN_SECONDS)
def build_snapshot(snapshot_id: int) -> None:
    """Make one data set; does nothing when another trainer has it or it is finished."""
    snapshot_build(snapshot_id=snapshot_id)


@task(name="retraining.sweep_snapshots", queue="housekeeping", time_limit=60)
def sweep_snapshots() -> None:
    """Enqueue again what was lost, every 10 s."""
    snapshots_sweep()


@task(name="retraining.watch_champion", queue="housekeeping")
def watch_champion() -> None:
    """Measure new images and close complete periods, every 10 minutes."""
    champion_watch()


@signals.worker_shutting_down.connect
def give_back(**_: Any) -> None:
    """Let the run that is under way be given back, so that the trainer ends in time."""
    stopping.set()
