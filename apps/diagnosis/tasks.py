"""Diagnosis in the background."""

from __future__ import annotations

from apps.core.tasks import task
from apps.diagnosis.services import diagnoses_sweep, diagnosis_run, shadows_run, shadows_sweep


@task(name="diagnosis.run_diagnosis", queue="inference")
def run_diagnosis(diagnosis_id: int) -> None:
    """Classify one queued instance; does nothing when another worker has it or it is finished."""
    diagnosis_run(diagnosis_id=diagnosis_id)


@task(name="diagnosis.sweep", queue="housekeeping", time_limit=60)
def sweep() -> None:
    """Enqueue again what was lost, every 10 s."""
    diagnoses_sweep()
    shadows_sweep()


@task(name="diagnosis.run_shadows", queue="housekeeping")
def run_shadows() -> None:
    """Let the challenger answer for what waits; ends as soon as a reader's image wants the worker."""
    shadows_run()
