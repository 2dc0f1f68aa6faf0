"""Making data sets in tests."""

from __future__ import annotations

from apps.accounts.access import Actor
from apps.retraining.models import DatasetSnapshot
from apps.retraining.selectors import snapshot_folder
from apps.retraining.services import (
    snapshot_build,
    snapshot_request,
)
from apps.studies.models import Instance
from ml.datasets.manifest import Manifest, read_manifest
from tests.retraining.patients import (
    radiograph,
    read,
)


def made(actor: Actor, **wanted: object) -> DatasetSnapshot:
    """Make a data set of everything there is."""
    snapshot = snapshot_request(name="spring", actor=actor, folds=2, **wanted)  # type: ignore[arg-type]  # any of its options
    snapshot_build(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot


def manifest_of(snapshot: DatasetSnapshot) -> Manifest:
    assert snapshot.status == DatasetSnapshot.Status.COMPLETED, snapshot.error
    return read_manifest(snapshot_folder(snapshot) / "manifest.csv")


def some_read(count: int = 2) -> list[Instance]:
    """Have normal and COVID-19 images read."""
    instances = []
    for seed in range(count):
        for label in ("normal", "covid19"):
            instance = radiograph(label, seed=seed, patient_id=f"MRN-{label}-{seed}")
            read(instance, label)
            instances.append(instance)
    return instances
