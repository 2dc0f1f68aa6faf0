"""Messages in a folder: one reader each, in order, nothing left over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from threading import Barrier, Thread
from typing import Any

import pytest
from kombu import Connection

from cxrplatform import celery  # noqa: F401 - puts our transport behind filesystem://
from cxrplatform.filesystem_broker import Transport
from cxrplatform.settings import broker


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    options = broker.transport_options("filesystem://localhost", data_dir=tmp_path, time_limit=300)
    with Connection("filesystem://localhost", transport_options=options) as connection:
        yield connection


def test_messages_come_back_in_order_and_by_queue(connection: Connection, tmp_path: Path) -> None:
    assert isinstance(connection.transport, Transport)
    with connection.SimpleBuffer("inference") as inference, connection.SimpleBuffer("training") as training:
        for number in range(20):
            inference.put({"number": number})
        training.put({"number": "other"})
        taken = [inference.get_nowait().payload["number"] for _ in range(20)]
        assert taken == list(range(20))
        with pytest.raises(Empty):
            inference.get_nowait()
        assert training.get_nowait().payload == {"number": "other"}
    assert list((tmp_path / "broker").rglob("*.msg")) == []


def test_each_message_has_one_reader(connection: Connection) -> None:
    total, readers = 200, 4
    channel: Any = connection.channel()
    for number in range(total):
        channel._put("inference", {"number": number})
    taken: list[int] = []
    start = Barrier(readers)

    def read() -> None:
        mine: Any = connection.clone().channel()
        start.wait()
        while True:
            try:
                taken.append(mine._get("inference")["number"])
            except Empty:
                return

    threads = [Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(total))
