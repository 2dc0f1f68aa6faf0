"""From `CELERY_BROKER_URL` to the options and queues of that broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

QUEUES = ("inference", "training", "housekeeping")
CONNECT_SECONDS = 2
"""A request may lose this much to a broker that does not answer, then the sweep takes over."""


def transport(url: str) -> str:
    """Return the broker's kind; raises `ImproperlyConfigured` on one that we do not support."""
    scheme = urlsplit(url).scheme.partition("+")[0]
    kinds = {"filesystem": "filesystem", "redis": "redis", "rediss": "redis", "amqp": "amqp", "amqps": "amqp"}
    if scheme not in kinds:
        raise ImproperlyConfigured(
            f"CELERY_BROKER_URL: {scheme or 'no scheme'}: expected redis://…, amqp://… or filesystem://."
        )
    return kinds[scheme]


def transport_options(url: str, *, data_dir: Path, time_limit: float) -> dict[str, Any]:
    """Return kombu's options: short time limits, and redelivery only after a task's hard limit.

    `max_retries` bounds how often a sender reconnects; workers reconnect for ever by Celery's own
    `broker_connection_max_retries`.
    """
    kind = transport(url)
    if kind == "filesystem":
        folder = data_dir / "broker"
        return {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "processed_folder": str(folder / "taken"),
            "store_processed": True,
            "control_folder": str(folder / "control"),
            "polling_interval": 0.05,
        }
    if kind == "redis":
        return {
            "visibility_timeout": 1.1 * time_limit,
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": 3,  # above the worker's blocking read, which lasts one second
            "socket_keepalive": True,
            "max_retries": 1,
            "interval_start": 0,
        }
    return {
        "write_timeout": 5,
        "max_retries": 1,
        "interval_start": 0,
    }


def queues(url: str) -> list[Queue]:
    """Return our queues; on RabbitMQ the work queues are replicated, the ticks of beat need not be."""
    quorum = {"x-queue-type": "quorum", "x-delivery-limit": 5} if transport(url) == "amqp" else {}
    return [
        Queue(name, routing_key=name, queue_arguments={} if name == "housekeeping" else quorum)
        for name in QUEUES
    ]
