"""Figures for `/metrics`: what waits at the door, and what a person should look at."""

from __future__ import annotations

from django.conf import settings

from apps.core.registries import Gauge
from apps.studies.models import ConflictingObject, Instance, QuarantinedObject


def spooled_objects() -> float:
    """Count the objects that are on disk but have no row yet."""
    return float(sum(1 for _ in settings.SPOOL_DIR.glob("*.object")))


def open_conflicts() -> float:
    """Count the conflicts that nobody has closed."""
    return float(ConflictingObject.objects.filter(status=ConflictingObject.Status.OPEN).count())


GAUGES = [
    Gauge("cxr_instances", "Instances held.", lambda: float(Instance.objects.count())),
    Gauge("cxr_spooled_objects", "Objects in the spool that wait for their row.", spooled_objects),
    Gauge("cxr_open_conflicts", "Conflicting objects to be looked at.", open_conflicts),
    Gauge(
        "cxr_quarantined_objects",
        "Objects that could not be taken as images.",
        lambda: float(QuarantinedObject.objects.count()),
    ),
]
