"""Where objects are kept: Django's storages, made durable for a local folder.

Names are made here and say nothing about their content: a sender's UID never becomes a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages

_CHUNK_BYTES = 1 << 20


def folder_sync(folder: Path) -> None:
    """Make the folder's list of names survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_make(folder: Path) -> None:
    """Create a folder and its parents so that they survive a power cut."""
    if folder.is_dir():
        return
    folder_make(folder.parent)
    folder.mkdir(mode=0o750, exist_ok=True)
    folder_sync(folder.parent)


class DurableFileSystemStorage(FileSystemStorage):
    """A folder whose files survive a power cut: Django's own never calls fsync."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic in the stubs only
        target = Path(self.path(name))
        folder_make(target.parent)
        temporary = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with open(temporary, "xb") as file:
                for chunk in content.chunks(_CHUNK_BYTES):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, target)  # unlike a rename, never replaces a file
        finally:
            temporary.unlink(missing_ok=True)
        folder_sync(target.parent)
        return name

    def adopt(self, name: str, path: Path) -> None:
        """Keep a file that is already synced under another name as well; copies none of its bytes.

        The file is copied where the two folders are on different file systems.
        """
        target = Path(self.path(name))
        folder_make(target.parent)
        try:
            os.link(path, target)
        except FileExistsError:
            if os.path.samefile(path, target):
                return
            raise
        except OSError:
            with open(path, "rb") as file:
                self._save(name, File(file))
        folder_sync(target.parent)


def object_storage() -> Storage:
    """Return the storage that `CXR_STORAGE_URL` names."""
    return storages["default"]


def object_key(suffix: str = "") -> str:
    """Make a name: 128 random bits, fanned out over 65,536 folders."""
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name[2:4]}/{name}{suffix}"


def object_put(data: bytes | Path, *, suffix: str = "", key: str = "") -> str:
    """Store bytes or a file durably and return the key they are stored under.

    With a `key` of `object_key`, storing the same file twice under it is harmless: a process that died
    half-way is repeated and leaves no second copy.
    """
    storage = object_storage()
    if isinstance(data, bytes):
        return storage.save(key or object_key(suffix), ContentFile(data))
    key = key or object_key(suffix)
    if isinstance(storage, DurableFileSystemStorage):
        storage.adopt(key, data)
        return key
    if storage.exists(key) and storage.size(key) == data.stat().st_size:
        return key
    with data.open("rb") as file:
        return storage.save(key, File(file))


def object_open(key: str) -> BinaryIO:
    """Open a stored object for reading; raises `FileNotFoundError` when it is gone."""
    return cast("BinaryIO", object_storage().open(key, "rb"))


def object_delete(key: str) -> None:
    """Remove a stored object; a missing one is no error."""
    with contextlib.suppress(FileNotFoundError):
        object_storage().delete(key)


@contextlib.contextmanager
def object_as_path(key: str) -> Iterator[Path]:
    """Give a stored object as a local file: itself in a folder, else a copy that lives for the context."""
    storage = object_storage()
    if isinstance(storage, DurableFileSystemStorage):
        yield Path(storage.path(key))
        return
    with object_open(key) as file, tempfile.NamedTemporaryFile(dir=settings.SPOOL_DIR) as copy:
        shutil.copyfileobj(file, copy, _CHUNK_BYTES)
        copy.flush()
        yield Path(copy.name)


def object_sha256(key: str) -> str:
    """Return the SHA-256 of a stored object's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with object_open(key) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def free_bytes(folder: Path) -> int:
    """Return the space that is left for us on a folder's file system."""
    return shutil.disk_usage(folder).free
