"""Figures for `/metrics`: how long images wait, what became of them, and whether their models load."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Min
from django.utils import timezone

from apps.core.registries import Gauge
from apps.diagnosis.models import Diagnosis, LoadFailure, ShadowResult


def oldest_unfinished_seconds() -> float:
    """Return the age of the oldest image that has no outcome yet; 0 when there is none."""
    oldest = Diagnosis.objects.current().unfinished().aggregate(Min("queued_at"))["queued_at__min"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def diagnoses_by_status() -> Mapping[str, float]:
    """Count the current diagnoses of each status."""
    counts = dict(Diagnosis.objects.current().order_by().values_list("status").annotate(Count("pk")))
    return {status: float(counts.get(status, 0)) for status in Diagnosis.Status.values}


def load_failures() -> float:
    """Count the versions that workers should have loaded and could not; 0 when all is well."""
    return float(LoadFailure.objects.filter(open=True).count())


def shadow_results_by_status() -> Mapping[str, float]:
    """Count the challengers' answers of each status."""
    counts = dict(ShadowResult.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: float(counts.get(status, 0)) for status in Diagnosis.Status.values}


GAUGES = [
    Gauge(
        "cxr_oldest_unprocessed_seconds",
        "Age of the oldest image without an outcome.",
        oldest_unfinished_seconds,
    ),
    Gauge("cxr_diagnoses", "Current diagnoses.", diagnoses_by_status, label="status"),
    Gauge("cxr_model_load_failures", "Champion or challenger versions that cannot be loaded.", load_failures),
    Gauge("cxr_shadow_results", "Challengers' answers.", shadow_results_by_status, label="status"),
]
