"""A broker that refuses or says nothing costs a request little, once; the work itself is in the database."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.db import transaction

from apps.core.transactions import enqueue_on_commit
from cxrplatform.settings import broker


def task_at(url: str) -> Any:
    """Return a task whose messages go to the broker at `url`, with the settings that ours have."""
    app = Celery("trial", broker=url, set_as_current=False)
    app.conf.broker_transport_options = broker.transport_options(url, data_dir=Path("unused"), time_limit=300)
    app.conf.broker_connection_timeout = broker.CONNECT_SECONDS
    app.conf.task_ignore_result = True

    @app.task(name="trial.task", shared=False)
    def task() -> None:
        pass

    return task


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{}/0", "amqp://guest:guest@127.0.0.1:{}//"])
@pytest.mark.django_db(transaction=True)
def test_silent_broker_holds_one_request_up_for_seconds_and_the_next_not_at_all(
    url: str, silent_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    task = task_at(url.format(silent_port))
    begun = time.monotonic()
    with transaction.atomic():
        enqueue_on_commit(task)
    assert time.monotonic() - begun < 15
    assert "the sweep will enqueue trial.task" in caplog.text
    begun = time.monotonic()
    with transaction.atomic():
        enqueue_on_commit(task)
    assert time.monotonic() - begun < 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_when_the_transaction_is_rolled_back(
    silent_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    task = task_at(f"redis://127.0.0.1:{silent_port}/0")
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue_on_commit(task)
        raise RuntimeError("rolled back")
    assert caplog.text == ""


@pytest.mark.peer("redis")
@pytest.mark.django_db(transaction=True)
def test_message_waits_at_the_broker_after_the_commit(redis_url: str) -> None:
    task = task_at(redis_url)
    with transaction.atomic():
        enqueue_on_commit(task)
        with task.app.connection() as connection:
            assert connection.default_channel.queue_declare("celery").message_count == 0
    with task.app.connection() as connection:
        assert connection.default_channel.queue_declare("celery").message_count == 1
