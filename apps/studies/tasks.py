"""Housekeeping of studies; each task is short, idempotent and called by the clock."""

from __future__ import annotations

from apps.core.tasks import task
from apps.studies.services.completion import quiet_studies_complete
from apps.studies.services.conflicts import open_conflicts_compare
from apps.studies.services.sweeping import spool_sweep


@task(name="studies.sweep_spool", queue="housekeeping")
def sweep_spool() -> None:
    """Register what lies in the spool without a row."""
    spool_sweep()


@task(name="studies.complete_quiet_studies", queue="housekeeping")
def complete_quiet_studies() -> None:
    """Tell that studies are complete."""
    quiet_studies_complete()


@task(name="studies.compare_conflicts", queue="housekeeping")
def compare_conflicts() -> None:
    """Close conflicts that are none."""
    open_conflicts_compare()
