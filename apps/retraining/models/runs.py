"""Training runs: what was asked for, how far it is, and the version that came of it."""

from __future__ import annotations

from django.db import models

from apps.core.leases import LeasedQuerySet
from apps.registry.models import ModelVersion
from apps.retraining.models.leased import LeasedWork
from apps.retraining.models.schedules import TrainingSchedule
from apps.retraining.models.snapshots import DatasetSnapshot


class TrainingRunQuerySet(LeasedQuerySet["TrainingRun"]):
    """Sets of training runs."""

    def cancel(self, pk: int) -> bool:
        """End an unfinished run; the trainer that holds it notices that its lease is gone."""
        return self.unfinished().filter(pk=pk).finish(LeasedWork.Status.CANCELLED)


class TrainingRun(LeasedWork):
    """One candidate being made: trained, measured, audited, compared with the champion, registered."""

    request = models.JSONField()
    """A `TrainingRequest` as JSON; the snapshot's manifest comes before the manifests in it."""
    snapshot = models.ForeignKey(DatasetSnapshot, null=True, on_delete=models.PROTECT, related_name="runs")
    init_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    """What the run continues from, fixed when it was asked for: an alias may move while it waits."""
    schedule = models.ForeignKey(TrainingSchedule, null=True, on_delete=models.SET_NULL, related_name="runs")
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="runs")
    """The candidate, from the moment when it is registered."""
    history = models.JSONField(default=list)
    """What every epoch measured, in their order; an epoch of cross-validation has its `fold`."""
    cross_validation = models.JSONField(default=dict)
    """Figures of every fold, and their mean; empty for a single training."""

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "enqueued_at"], name="run_waiting")]

    def __str__(self) -> str:
        return f"Training run {self.pk}"
