"""Work that one process at a time does: a row says how far it is, and a lease whose it is.

The database is the truth, the broker a hint: a process that dies stops renewing, and another takes over.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import timedelta
from typing import Any, Self, TypeVar

from django.db import DatabaseError, connection, models
from django.db.models.functions import Now

from apps.core.errors import ConflictError

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
LEASE_SECONDS = 30
QUEUED, RUNNING = "queued", "running"
"""The two states, of every such row, in which it is not over."""

Work = TypeVar("Work", bound=models.Model, covariant=True)


class LeaseLostError(ConflictError):
    """The work was cancelled, or another process holds it now."""


class LeasedQuerySet(models.QuerySet[Work]):
    """Sets of such rows, and the changes of their state: each is one conditional UPDATE.

    The rows have `status`, `attempts`, `error`, `lease_token`, `lease_expires_at`, `enqueued_at`,
    `started_at` and `finished_at`.
    """

    def unfinished(self) -> Self:
        """Those that still want somebody to do them."""
        return self.filter(status__in=[QUEUED, RUNNING])

    def abandoned(self) -> Self:
        """Running ones whose process stopped renewing its lease."""
        return self.filter(status=RUNNING, lease_expires_at__lt=Now())

    def claimable(self) -> Self:
        """Those that may be begun: queued, or abandoned, with attempts left."""
        abandoned = models.Q(status=RUNNING, lease_expires_at__lt=Now())
        return self.filter(models.Q(status=QUEUED) | abandoned, attempts__lt=MAX_ATTEMPTS)

    def claim(self, pk: int) -> uuid.UUID | None:
        """Take one row for `LEASE_SECONDS`; None when another process has it or it is finished."""
        token = uuid.uuid4()
        taken = (
            self.filter(pk=pk)
            .claimable()
            .update(
                status=RUNNING,
                lease_token=token,
                lease_expires_at=_lease_end(),
                attempts=models.F("attempts") + 1,
                started_at=Now(),
            )
        )
        return token if taken else None

    def leased(self, pk: int, token: uuid.UUID) -> Self:
        """The row while this token holds it; an expired lease holds until another process claims."""
        return self.filter(pk=pk, status=RUNNING, lease_token=token)

    def renew(self, **fields: Any) -> bool:
        """Hold the lease for another `LEASE_SECONDS` from now and keep `fields`, such as the progress."""
        return bool(self.update(lease_expires_at=_lease_end(), **fields))

    def requeue(self, *, error: str, spent: bool = True) -> bool:
        """Give the work back, to be begun again; `spent` false gives the attempt back as well."""
        changes: dict[str, Any] = {} if spent else {"attempts": models.F("attempts") - 1}
        return bool(self.update(status=QUEUED, error=error, enqueued_at=Now(), **_NO_LEASE, **changes))

    def finish(self, status: str, **fields: Any) -> bool:
        """Set the outcome and give the lease back."""
        return bool(self.update(status=status, finished_at=Now(), **_NO_LEASE, **fields))


_NO_LEASE: dict[str, None] = {"lease_token": None, "lease_expires_at": None}


def _lease_end() -> models.expressions.CombinedExpression:
    """The lease's end on the database's clock, the only one that all processes share."""
    return Now() + timedelta(seconds=LEASE_SECONDS)


class Heartbeat(threading.Thread):
    """Renews a lease three times per `LEASE_SECONDS`, on a database connection of this thread's own.

    `lost` is set once the lease is another's or no more. Work that outlasts `at_most` seconds hangs: it is
    no longer defended, and another process tries.
    """

    def __init__(self, held: LeasedQuerySet[Any], *, at_most: float = float("inf")) -> None:
        super().__init__(name="lease", daemon=True)
        self.lost = threading.Event()
        self._held = held
        self._at_most = at_most
        self._ended = threading.Event()

    def run(self) -> None:
        """Renew until the block ends or the lease is gone; a database that is away is asked again."""
        end = time.monotonic() + self._at_most
        try:
            while not self._ended.wait(LEASE_SECONDS / 3) and time.monotonic() < end:
                try:
                    if not self._held.all().renew():
                        self.lost.set()
                        return
                except DatabaseError as error:
                    logger.warning("Lease not renewed: %s", error)
                    connection.close()
        finally:
            connection.close()

    def __enter__(self) -> Heartbeat:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
