"""Wiring: a queued training run is told to the broker."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apps.core.transactions import enqueue_on_commit
from apps.retraining.models import TrainingRun
from apps.retraining.signals import run_queued
from apps.retraining.tasks import run_training


@receiver(run_queued, dispatch_uid="retraining_enqueue_run")
def enqueue_run(run: TrainingRun, **kwargs: Any) -> None:
    """Tell the broker once the row is committed."""
    enqueue_on_commit(run_training, run.pk)
