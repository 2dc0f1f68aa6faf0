"""The stored object behind an instance, hashed again before anything looks into it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from apps.core.errors import PermanentError, RetriableError
from apps.studies.models import Instance
from apps.studies.objects import DurableFileSystemStorage, object_open, object_sha256, object_storage


class DamagedObjectError(PermanentError):
    """The stored object is gone or its bytes are not those that were received."""


def verified_source(instance: Instance) -> bytes | Path:
    """Return the stored object, verified: a path where it lies in a folder, so that no copy travels."""
    storage = object_storage()
    source: bytes | Path
    try:
        if isinstance(storage, DurableFileSystemStorage):
            source = Path(storage.path(instance.storage_key))
            sha256 = object_sha256(instance.storage_key)
        else:
            with object_open(instance.storage_key) as file:
                source = file.read()
            sha256 = hashlib.sha256(source).hexdigest()
    except FileNotFoundError as error:
        raise DamagedObjectError(
            "The stored object is gone; restore it from a backup, then retry the diagnosis."
        ) from error
    except OSError as error:
        raise RetriableError(f"The object storage cannot be read: {error.strerror}.") from error
    if sha256 != instance.file_sha256:
        raise DamagedObjectError(
            f"The stored object has SHA-256 {sha256}, expected {instance.file_sha256}; "
            "restore it from a backup, then retry the diagnosis."
        )
    return source
