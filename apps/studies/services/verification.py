"""Does every stored object still have the bytes that were received?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Model

from apps.studies.models import ConflictingObject, Instance, QuarantinedObject, Received
from apps.studies.objects import object_sha256

TABLES: tuple[type[Received], ...] = (Instance, ConflictingObject, QuarantinedObject)


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """A row whose stored bytes are gone or changed."""

    kind: str
    row_id: int
    storage_key: str
    problem: str


def stored_objects_count() -> int:
    """Return how many objects `stored_objects_verify` looks at."""
    return sum(table._default_manager.count() for table in TABLES)


def stored_objects_verify() -> Iterator[DamagedObject | None]:
    """Hash every stored object; yield None for a sound one, in step with `stored_objects_count`."""
    for table in TABLES:
        rows = table._default_manager.order_by("pk").values_list("pk", "storage_key", "file_sha256")
        for row_id, storage_key, file_sha256 in rows.iterator():
            try:
                sound = object_sha256(storage_key) == file_sha256
            except FileNotFoundError:
                yield DamagedObject(_kind(table), row_id, storage_key, "is gone")
            except OSError as error:
                yield DamagedObject(_kind(table), row_id, storage_key, f"cannot be read: {error.strerror}")
            else:
                yield None if sound else DamagedObject(_kind(table), row_id, storage_key, "has other bytes")


def _kind(table: type[Model]) -> str:
    return str(table._meta.verbose_name)
