"""What a worker does before its first task, so that the first image is not the slow one."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

from django.db import close_old_connections

from apps.core.registries import warm_ups

logger = logging.getLogger(__name__)


def warm_up(*, queues: Collection[str]) -> None:
    """Run the warm-ups of these queues; one that fails is logged, because tasks load again by themselves."""
    for entry in warm_ups:
        if entry.queue not in queues:
            continue
        begun = time.monotonic()
        try:
            entry.run()
        except Exception:
            logger.exception("Warm-up %s failed", entry.name)
        else:
            logger.info("Warm-up %s took %.1f s", entry.name, time.monotonic() - begun)
    close_old_connections()
