"""Why an object was not taken; what every door must tell apart."""

from __future__ import annotations

from apps.core.errors import PermanentError, RetriableError


class StorageFullError(RetriableError):
    """There is no room for another object."""


class StorageUnavailableError(RetriableError):
    """The object is durable in the spool, the object storage did not take it: the sweep will try again."""


class DatabaseUnavailableError(RetriableError):
    """The object is durable in the spool, its row is not: the sweep will register it."""


class ObjectTooLargeError(PermanentError):
    """The object is larger than `CXR_MAX_OBJECT_BYTES`."""
