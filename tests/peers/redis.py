"""Debian's redis-server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.program import RunningProgram, find_program, free_port, server_folder


@contextmanager
def redis_server() -> Iterator[RunningProgram]:
    """Run a Redis that keeps nothing on disk."""
    program = find_program("redis-server", package="redis-server")
    port = free_port()
    with server_folder() as folder:
        server = RunningProgram(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            folder=folder,
            port=port,
        )
        try:
            server.start()
            yield server
        finally:
            server.kill()
