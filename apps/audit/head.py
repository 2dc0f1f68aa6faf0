"""The last seal, kept outside the database: rows cut off the end of the log are missed there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from apps.audit.chain import GENESIS, audit_folder


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log was sealed: at least to `sequence`, with `seal`."""

    sequence: int
    seal: str


EMPTY = Head(0, GENESIS)


def head_read() -> Head | None:
    """Return the head; None where there never was one, or somebody removed it.

    Raises `ValueError` when the file is not one that we wrote.
    """
    path = _path()
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text(encoding="ascii"))
        return Head(int(fields["sequence"]), str(fields["seal"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} in the audit folder is not readable as a head.") from error


def head_advance(head: Head) -> None:
    """Write the head, durably and at once; of two sealers the one that is further wins."""
    with _locked():
        current = head_read()
        if current is None or head.sequence > current.sequence:
            _replace(head)


def head_set(head: Head) -> None:
    """Write the head whatever it was: only when a restored database was accepted on purpose."""
    with _locked():
        _replace(head)


def _path() -> Path:
    return audit_folder() / "head.json"


@contextmanager
def _locked() -> Iterator[None]:
    with (audit_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(head: Head) -> None:
    path = _path()
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="ascii") as file:
        json.dump(asdict(head), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
