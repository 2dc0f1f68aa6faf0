"""Long work on the trainer: one row says how far it is, and a lease says whose it is."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models
from django.db.models.functions import Now

MAX_ATTEMPTS = 3
LEASE_SECONDS = 30


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


Work = TypeVar("Work", bound=LeasedWork, covariant=True)


class LeasedQuerySet(models.QuerySet[Work]):
    """Sets of long work, and the changes of their state: each is one conditional UPDATE."""

    def unfinished(self) -> LeasedQuerySet[Work]:
        """Those that still want a trainer."""
        return self.filter(status__in=[LeasedWork.Status.QUEUED, LeasedWork.Status.RUNNING])

    def abandoned(self) -> LeasedQuerySet[Work]:
        """Running ones whose trainer stopped renewing its lease."""
        return self.filter(status=LeasedWork.Status.RUNNING, lease_expires_at__lt=Now())

    def claimable(self) -> LeasedQuerySet[Work]:
        """Those that a trainer may begin: queued, or abandoned, with attempts left."""
        waiting = models.Q(status=LeasedWork.Status.QUEUED)
        abandoned = models.Q(status=LeasedWork.Status.RUNNING, lease_expires_at__lt=Now())
        return self.filter(waiting | abandoned, attempts__lt=MAX_ATTEMPTS)

    def claim(self, pk: int) -> uuid.UUID | None:
        """Take one row for `LEASE_SECONDS`; None when another trainer has it or it is finished."""
        token = uuid.uuid4()
        taken = (
            self.filter(pk=pk)
            .claimable()
            .update(
                status=LeasedWork.Status.RUNNING,
                lease_token=token,
                lease_expires_at=_lease_end(),
                attempts=models.F("attempts") + 1,
                started_at=Now(),
            )
        )
        return token if taken else None

    def leased(self, pk: int, token: uuid.UUID) -> LeasedQuerySet[Work]:
        """The row while this token holds it; an expired lease holds until another trainer claims."""
        return self.filter(pk=pk, status=LeasedWork.Status.RUNNING, lease_token=token)

    def renew(self, **fields: Any) -> bool:
        """Hold the lease for another `LEASE_SECONDS` from now and keep `fields`, such as the progress."""
        return bool(self.update(lease_expires_at=_lease_end(), **fields))

    def requeue(self, *, error: str, spent: bool = True) -> bool:
        """Give the work back, to be begun again; `spent` false gives the attempt back as well."""
        changes: dict[str, Any] = {} if spent else {"attempts": models.F("attempts") - 1}
        return bool(
            self.update(
                status=LeasedWork.Status.QUEUED, error=error, enqueued_at=Now(), **_NO_LEASE, **changes
            )
        )

    def finish(self, status: LeasedWork.Status, **fields: Any) -> bool:
        """Set the outcome and give the lease back."""
        return bool(self.update(status=status, finished_at=Now(), **_NO_LEASE, **fields))


_NO_LEASE: dict[str, None] = {"lease_token": None, "lease_expires_at": None}


def _lease_end() -> models.expressions.CombinedExpression:
    """The lease's end on the database's clock, the only one that all trainers share."""
    return Now() + timedelta(seconds=LEASE_SECONDS)
