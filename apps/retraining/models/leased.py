"""Long work on the trainer, under a lease."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class LeasedWork(models.Model):
    """Work that one trainer at a time does; its state changes only by compare-and-set."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    requested_by = models.CharField(max_length=200)
    queued_at = models.DateTimeField(db_default=Now())
    enqueued_at = models.DateTimeField(db_default=Now(), editable=False)
    """When the broker was last told; it may have forgotten."""
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    progress = models.JSONField(default=dict)
    """`stage`, `done` and `total` of the step that runs; empty before the first."""
    error = models.TextField(blank=True)

    class Meta:
        abstract = True

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will change."""
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)
