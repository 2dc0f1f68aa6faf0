"""The project's one task decorator, so that queue, acknowledgement and limits are decided once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from celery import shared_task
from django.conf import settings

Queue = Literal["inference", "training", "housekeeping"]
F = TypeVar("F", bound=Callable[..., Any])

_queues: dict[str, Queue] = {}


def task(*, name: str, queue: Queue, time_limit: int | None = None) -> Callable[[F], Any]:
    """Declare a Celery task: late acknowledgement, no result, no automatic retry.

    Retries belong to the row that the task works on (attempts and a lease), because a broker's
    redelivery neither counts nor survives the broker. Tasks take ids and are idempotent.

    Training acknowledges early: a run lasts for hours, and a broker that waits so long for an
    acknowledgement (RabbitMQ: 30 minutes) gives the message to a second trainer.

    Raises `ValueError` for a `time_limit` (seconds) above the one that the brokers' redelivery is set to.
    """
    longest: int = settings.CELERY_TASK_TIME_LIMIT
    if time_limit is None:
        time_limit = longest
    elif time_limit > longest and queue != "training":
        raise ValueError(f"Task {name}: {time_limit} s is above CELERY_TASK_TIME_LIMIT, {longest} s.")

    _queues[name] = queue

    def declare(function: F) -> Any:
        return shared_task(
            name=name,
            acks_late=queue != "training",
            reject_on_worker_lost=False,
            ignore_result=True,
            max_retries=0,
            soft_time_limit=int(0.9 * time_limit),
            time_limit=time_limit,
        )(function)

    return declare


def queue_of_task(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """Tell Celery (`task_routes`) the queue that a task was declared for; None for its own tasks."""
    return {"queue": _queues[name]} if name in _queues else None
