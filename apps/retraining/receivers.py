"""Wiring: queued training runs and data sets are told to the broker."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apps.core.transactions import enqueue_on_commit
from apps.retraining.models import DatasetSnapshot, TrainingRun
from apps.retraining.signals import run_queued, snapshot_queued
from apps.retraining.tasks import build_snapshot, run_training


@receiver(run_queued, dispatch_uid="retraining_enqueue_run")
def enqueue_run(run: TrainingRun, **kwargs: Any) -> None:
    """Tell the broker once the row is committed."""
    enqueue_on_commit(run_training, run.pk)


@receiver(snapshot_queued, dispatch_uid="retraining_enqueue_snapshot")
def enqueue_snapshot(snapshot: DatasetSnapshot, **kwargs: Any) -> None:
    """Tell the broker once the row is committed."""
    enqueue_on_commit(build_snapshot, snapshot.pk)
