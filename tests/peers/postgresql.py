"""Debian's PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.program import RunningProgram, account, find_program, free_port, server_folder


def _binaries() -> list[str]:
    return [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


@contextmanager
def postgresql_server() -> Iterator[RunningProgram]:
    """Run a PostgreSQL cluster with a superuser `cxr` and a database of that name."""
    initdb = find_program("initdb", package="postgresql", folders=_binaries())
    postgres = find_program("postgres", package="postgresql", folders=_binaries())
    port = free_port()
    with server_folder("postgres") as folder:
        data = folder / "data"
        as_user: dict[str, Any] = {
            "cwd": folder,
            "check": True,
            "capture_output": True,
            **account("postgres"),
        }
        subprocess.run(
            [
                initdb,
                "--pgdata",
                str(data),
                "--username",
                "cxr",
                "--auth",
                "trust",
                "--no-sync",
                "--encoding",
                "UTF8",
            ],
            **as_user,
        )
        server = RunningProgram(
            [postgres, "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"],
            folder=folder,
            port=port,
            user="postgres",
        )
        try:
            server.start()
            subprocess.run(
                [
                    find_program("createdb", package="postgresql-client", folders=_binaries()),
                    *("-h", "127.0.0.1", "-p", str(port), "-U", "cxr", "cxr"),
                ],
                **as_user,
            )
            yield server
        finally:
            server.kill()
