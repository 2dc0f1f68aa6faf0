"""Holding a lease while long work is under way."""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.db import DatabaseError, connection

from apps.core.errors import ConflictError
from apps.retraining.models import LEASE_SECONDS, LeasedQuerySet

logger = logging.getLogger(__name__)


class LeaseLostError(ConflictError):
    """The work was cancelled, or another trainer holds it now."""


class Heartbeat(threading.Thread):
    """Renews a lease three times per `LEASE_SECONDS`, on a database connection of this thread's own.

    A trainer that is killed stops renewing. `lost` is set once the lease is another's or no more.
    """

    def __init__(self, held: LeasedQuerySet[Any]) -> None:
        super().__init__(name="lease", daemon=True)
        self.lost = threading.Event()
        self._held = held
        self._ended = threading.Event()

    def run(self) -> None:
        """Renew until the block ends or the lease is gone; a database that is away is asked again."""
        try:
            while not self._ended.wait(LEASE_SECONDS / 3):
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
