"""The waiting room: a received object lies here, durable, from its last byte until its row is committed.

A name in the spool is our own. `<id>.part` is still arriving; `<id>.object` is complete and synced, with
`<id>.json` telling who sent it. Whoever works on a file holds a lock on it, which the kernel releases
when the process dies, so that the sweep knows what nobody works on any more.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.studies.objects import (
    DurableFileSystemStorage,
    folder_make,
    folder_sync,
    free_bytes,
    object_storage,
)
from apps.studies.services.errors import ObjectTooLargeError, StorageFullError

_CHUNK_BYTES = 1 << 20
_UNTOUCHED_SECONDS = 5
"""A file younger than this may not be locked yet."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Source = BinaryIO | Path | bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who sent an object, by which door, and what was said about it on the way."""

    door: str
    sender: str
    actor: str
    file_name: str = ""
    address: str = ""
    command_sop_instance_uid: str | None = None
    command_sop_class_uid: str | None = None


@dataclass(frozen=True, slots=True)
class SpooledObject:
    """A complete, synced file that this process has locked."""

    name: str
    path: Path
    file: BinaryIO
    size: int
    file_sha256: str
    provenance: Provenance

    @property
    def storage_key(self) -> str:
        """The object's key in the storage: the same however often registering is repeated."""
        return f"{self.name[:2]}/{self.name[2:4]}/{self.name}"

    def discard(self) -> None:
        """Take the file out of the spool: its row is committed, or it is kept elsewhere."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".json").unlink(missing_ok=True)


def spool_prepare() -> Path:
    """Make the spool folder, should it not exist yet, and return it."""
    folder_make(settings.SPOOL_DIR)
    return Path(settings.SPOOL_DIR)


def space_check(*, expected_bytes: int = 0) -> None:
    """Raise `StorageFullError` when taking this many bytes would eat into `CXR_SPOOL_RESERVE_BYTES`."""
    folders = [settings.SPOOL_DIR]
    storage = object_storage()
    if isinstance(storage, DurableFileSystemStorage):
        folders.append(Path(storage.location))
    for folder in folders:
        folder_make(folder)
        if free_bytes(folder) < settings.SPOOL_RESERVE_BYTES + expected_bytes:
            raise StorageFullError(
                "The disk is nearly full: free some space or lower CXR_SPOOL_RESERVE_BYTES."
            )


@contextmanager
def spool_write(*, source: Source, prefix: bytes, provenance: Provenance) -> Iterator[SpooledObject]:
    """Write `prefix` and the source's bytes to the spool, synced, and lock the file meanwhile.

    Leaving the context does not remove the file: `SpooledObject.discard` does.
    Raises `StorageFullError`, `ObjectTooLargeError`; no partial file is left behind.
    """
    space_check(expected_bytes=_known_size(source))
    name = uuid.uuid4().hex
    partial = settings.SPOOL_DIR / f"{name}.part"
    complete = partial.with_suffix(".object")
    with open(partial, "x+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            size, digest = _copy(source, file, prefix)
            _write_synced(partial.with_suffix(".json"), json.dumps(asdict(provenance)).encode())
            os.rename(partial, complete)
            folder_sync(settings.SPOOL_DIR)
        except BaseException as error:
            for path in (partial, complete, partial.with_suffix(".json")):
                path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in _NO_SPACE:
                raise StorageFullError("The disk is full: free some space.") from error
            raise
        yield SpooledObject(name, complete, file, size, digest, provenance)


@contextmanager
def spool_claim(path: Path) -> Iterator[SpooledObject | None]:
    """Lock a complete file that another process left; yields None when somebody works on it or it is gone."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        if not path.exists():  # registered and discarded between our opening and locking it
            yield None
            return
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        provenance = _read_provenance(path.with_suffix(".json"))
        yield SpooledObject(path.stem, path, file, file.tell(), digest.hexdigest(), provenance)


def spool_leftovers() -> Iterator[Path]:
    """Find complete files that wait for their row, oldest first, and remove what never arrived whole."""
    if not settings.SPOOL_DIR.is_dir():
        return
    settled: list[tuple[float, Path]] = []
    for path in settings.SPOOL_DIR.iterdir():
        try:
            modified = path.stat().st_mtime
        except FileNotFoundError:
            continue
        if time.time() - modified < _UNTOUCHED_SECONDS:
            continue
        if path.suffix == ".part":
            _remove_unlocked(path)
        elif path.suffix == ".object":
            settled.append((modified, path))
        elif path.suffix == ".json" and not any(path.with_suffix(s).exists() for s in (".part", ".object")):
            path.unlink(missing_ok=True)
    yield from (path for _, path in sorted(settled))


def _remove_unlocked(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    except (FileNotFoundError, BlockingIOError):
        return


def _known_size(source: Source) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    if isinstance(source, (bytes, bytearray, memoryview)):
        return len(source)
    return 0


def _copy(source: Source, target: BinaryIO, prefix: bytes) -> tuple[int, str]:
    digest = hashlib.sha256(prefix)
    target.write(prefix)
    size = len(prefix)
    if isinstance(source, Path):
        stream: BinaryIO = source.open("rb")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        stream = BytesIO(source)
    else:
        stream = source
        stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > settings.MAX_OBJECT_BYTES:
                raise ObjectTooLargeError(f"The object is larger than {settings.MAX_OBJECT_BYTES} bytes.")
            digest.update(chunk)
            target.write(chunk)
    finally:
        if isinstance(source, Path):
            stream.close()
    target.flush()
    os.fsync(target.fileno())
    return size, digest.hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_provenance(path: Path) -> Provenance:
    try:
        return Provenance(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return Provenance(door="import", sender="", actor="system")
