"""The project's one task decorator, so that queue, acknowledgement and limits are decided once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from celery import shared_task

Queue = Literal["inference", "training", "housekeeping"]
F = TypeVar("F", bound=Callable[..., Any])


def task(*, name: str, queue: Queue, time_limit: float = 300.0) -> Callable[[F], Any]:
    """Declare a Celery task: late acknowledgement, no result, no automatic retry.

    Retries belong to the row that the task works on (attempts and a lease), because a broker's
    redelivery neither counts nor survives the broker. Tasks take ids and are idempotent.
    """

    def declare(function: F) -> Any:
        return shared_task(
            name=name,
            queue=queue,
            acks_late=True,
            reject_on_worker_lost=False,
            ignore_result=True,
            max_retries=0,
            soft_time_limit=0.9 * time_limit,
            time_limit=time_limit,
        )(function)

    return declare
