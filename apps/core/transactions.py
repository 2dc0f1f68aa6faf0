"""Work that may start only once what it needs is committed."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction

logger = logging.getLogger(__name__)

_RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}
"""A pooled connection that a restarted broker closed is found dead once, and replaced."""
_PAUSE_SECONDS = 5.0
_paused_until = 0.0


def enqueue_on_commit(task: Task[..., Any], *args: Any) -> None:
    """Send `task` to the broker after the current transaction commits.

    A broker that does not answer is logged and forgotten: the row is committed, and the sweep
    finds it. Nobody's request fails for a lost hint, and while the broker is away only one request
    in five seconds pays for finding out.
    """
    transaction.on_commit(partial(_send, task, args))


def _send(task: Task[..., Any], args: tuple[Any, ...]) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        task.apply_async(args=args, retry=True, retry_policy=_RETRY_ONCE)
    except Exception as error:  # noqa: BLE001 - every broker has its own errors
        _paused_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("Broker unreachable (%s); the sweep will enqueue %s", type(error).__name__, task.name)
