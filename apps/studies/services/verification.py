"""Does every stored object still have the bytes that were received?"""

from __future__ import annotations

from collections.abc import Iterator

from apps.studies.models import ConflictingObject, Instance, QuarantinedObject, Received
from apps.studies.objects import object_sha256

TABLES: tuple[type[Received], ...] = (Instance, ConflictingObject, QuarantinedObject)


def stored_objects_count() -> int:
    """Return how many objects `stored_objects_verify` looks at."""
    return sum(table._default_manager.count() for table in TABLES)


def stored_objects_verify() -> Iterator[str | None]:
    """Hash every stored object; yield None for a sound one and a sentence for any other."""
    for table in TABLES:
        kind = table._meta.verbose_name
        rows = table._default_manager.order_by("pk").values_list("pk", "storage_key", "file_sha256")
        for row_id, storage_key, file_sha256 in rows.iterator():
            try:
                sound = object_sha256(storage_key) == file_sha256
            except FileNotFoundError:
                yield f"{kind} {row_id}: object {storage_key} is gone; restore it from a backup."
            except OSError as error:
                yield f"{kind} {row_id}: object {storage_key} cannot be read ({error.strerror})."
            else:
                changed = f"{kind} {row_id}: object {storage_key} has other bytes; restore it from a backup."
                yield None if sound else changed
