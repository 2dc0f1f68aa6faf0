"""The one folder that the platform writes to."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from apps.core.errors import PermanentError


class DataFolderBusyError(PermanentError):
    """Another `up` runs on this data folder."""


def data_folder_prepare() -> bool:
    """Make the data folder (mode 0700) and its folders for passing files; return whether it was made now."""
    folder: Path = settings.DATA_DIR
    made = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for inner in (folder / "tmp", folder / "log", settings.UPLOADS_DIR):
        inner.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def temporary_folder_open() -> str:
    """Open the data folder's `tmp` and return a short path to it, valid while this process lives.

    The address of a Unix socket has at most 107 bytes (unix(7)), and the decoding processes are reached by
    sockets in the temporary folder: under a data folder with a long name, none could be made.
    """
    descriptor = os.open(settings.DATA_DIR / "tmp", os.O_RDONLY | os.O_DIRECTORY)
    return f"/proc/{os.getpid()}/fd/{descriptor}"


@contextmanager
def data_folder_lock() -> Iterator[None]:
    """Hold the data folder for this process; the kernel lets go of it however the process ends.

    Raises `DataFolderBusyError` when another process holds it.
    """
    path: Path = settings.DATA_DIR / "up.lock"
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderBusyError(
                f"The data folder {settings.DATA_DIR} is in use by the process {file.read().strip() or '?'}: "
                "stop that one, or choose another folder by CXR_DATA_DIR."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
