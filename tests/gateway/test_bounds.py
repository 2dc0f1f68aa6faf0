"""What a peer can make the listener hold."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pynetdicom
import pytest
from pytest_django import Settings

from apps.gateway import bounds
from tests.gateway.listener_process import ListenerProcess
from tests.studies.radiographs import radiograph

pytestmark = pytest.mark.xdist_group("listener")


@pytest.fixture
def wire(listener: ListenerProcess) -> Iterator[socket.socket]:
    """A bare connection to the listener."""
    with closing(socket.create_connection(("127.0.0.1", listener.port), timeout=20)) as connection:
        yield connection


def closed_after(connection: socket.socket) -> float:
    """Return the seconds until the listener closes the connection."""
    started = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - started


def test_the_bounds_were_tried_with_this_pynetdicom() -> None:
    assert pynetdicom.__version__ == bounds.TESTED_VERSION, (
        "apps/gateway/bounds.py exchanges parts of pynetdicom: read it against the new release, "
        "run tests/gateway, then raise TESTED_VERSION."
    )


def test_a_header_and_then_silence_is_cut(listener: ListenerProcess, wire: socket.socket) -> None:
    wire.sendall(struct.pack(">BBL", 1, 0, 200))

    assert closed_after(wire) < bounds.PDU_DEADLINE_SECONDS + 5
    assert listener.send(radiograph()).Status == 0x0000


def test_an_announced_length_of_4_gib_is_not_believed(listener: ListenerProcess, wire: socket.socket) -> None:
    before = listener.memory_mib
    wire.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF))
    flood = threading.Thread(target=_flood, args=(wire,))
    flood.start()

    assert closed_after(wire) < 5
    flood.join()
    assert listener.memory_mib < before + 5


def test_silent_connections_are_cut_and_senders_served(listener: ListenerProcess) -> None:
    silent = [socket.create_connection(("127.0.0.1", listener.port), timeout=20) for _ in range(10)]

    assert listener.send(radiograph()).Status == 0x0000
    assert max(closed_after(connection) for connection in silent) < bounds.PDU_DEADLINE_SECONDS + 5
    for connection in silent:
        connection.close()


def test_a_dataset_on_its_way_is_kept_in_a_file_without_a_name(settings: Settings, tmp_path: object) -> None:
    settings.SPOOL_DIR = tmp_path
    settings.MAX_OBJECT_BYTES = 3 << 20
    received = bounds.ReceivedDataset()
    for _ in range(2):
        received.write(b"x" * (1 << 20))
    received.file.seek(0)
    assert (received.file.read(), received.too_large) == (b"x" * (2 << 20), False)

    received.write(b"x" * (2 << 20))
    assert received.too_large
    received.file.seek(0, 2)
    assert received.file.tell() == 2 << 20
    assert list(settings.SPOOL_DIR.iterdir()) == []
    received.close()


def _flood(connection: socket.socket) -> None:
    try:
        for _ in range(1000):
            connection.sendall(b"\0" * 65536)
    except OSError:
        return
