"""Hashing frozen data sets again, for `verify_storage`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from apps.retraining.models import DatasetSnapshot
from apps.retraining.selectors.snapshots import SNAPSHOT_MANIFEST, snapshot_folder, snapshot_rows


def snapshots_count() -> int:
    """Count the completed data sets."""
    return DatasetSnapshot.objects.completed().count()


def snapshots_verify() -> Iterator[str | None]:
    """Yield for each completed data set None, or a sentence that says what of it is gone or changed."""
    for snapshot in DatasetSnapshot.objects.completed().order_by("pk"):
        yield _problem_of(snapshot)


def _problem_of(snapshot: DatasetSnapshot) -> str | None:
    folder = snapshot_folder(snapshot)
    again = "freeze it again from the same images, or restore it from a backup."
    try:
        if hashlib.sha256((folder / SNAPSHOT_MANIFEST).read_bytes()).hexdigest() != snapshot.sha256:
            return f"{snapshot}: its manifest is not what was frozen; {again}"
        for row in snapshot_rows(snapshot, start=0, count=snapshot.image_count):
            if hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() != row["sha256"]:
                return f"{snapshot}: {row['file']} is not what was frozen; {again}"
    except OSError as error:
        return f"{snapshot}: {error.filename} cannot be read ({error.strerror}); {again}"
    return None
