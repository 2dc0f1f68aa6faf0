"""Work that may start only once what it needs is committed."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction

logger = logging.getLogger(__name__)


def enqueue_on_commit(task: Task[..., Any], *args: Any) -> None:
    """Send `task` to the broker after the current transaction commits.

    A broker that does not answer is logged and forgotten: the row is committed, and the sweep
    finds it. Nobody's request fails for a lost hint.
    """
    transaction.on_commit(partial(_send, task, args))


def _send(task: Task[..., Any], args: tuple[Any, ...]) -> None:
    try:
        task.apply_async(args=args, retry=False)
    except Exception as error:  # noqa: BLE001 - each transport has errors of its own; none may fail a request
        logger.warning("Broker unreachable (%s); the sweep will enqueue %s", type(error).__name__, task.name)
