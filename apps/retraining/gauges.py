"""Figures for `/metrics`: what became of training runs, and how long the oldest one waits."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Min
from django.utils import timezone

from apps.core.registries import Gauge
from apps.retraining.models import TrainingRun, WatchingReport


def runs_by_status() -> Mapping[str, float]:
    """Count the training runs of each status."""
    counts = dict(TrainingRun.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: float(counts.get(status, 0)) for status in TrainingRun.Status.values}


def oldest_queued_seconds() -> float:
    """Return the age of the oldest run that waits for a trainer; 0 when none does."""
    queued = TrainingRun.objects.filter(status=TrainingRun.Status.QUEUED)
    oldest = queued.aggregate(Min("queued_at"))["queued_at__min"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def alarms_raised() -> Mapping[str, float]:
    """Tell for each kind of alarm whether the newest period raised it: 1 or 0."""
    report = WatchingReport.objects.first()
    return {
        "drift": float(report is not None and report.drift_alarm),
        "agreement": float(report is not None and report.agreement_alarm),
    }


def watched_rates() -> Mapping[str, float]:
    """Return the newest period's overall rates by figure; empty before the first period."""
    report = WatchingReport.objects.first()
    return {rate["figure"]: rate["rate"] for rate in report.rates if rate["by"] == "all"} if report else {}


GAUGES = [
    Gauge("cxr_watching_alarm", "Alarms of the newest period of the champion.", alarms_raised, label="kind"),
    Gauge("cxr_watched_rate", "Rates over the champion's last answers.", watched_rates, label="figure"),
    Gauge("cxr_training_runs", "Training runs.", runs_by_status, label="status"),
    Gauge("cxr_oldest_queued_run_seconds", "Age of the oldest run without a trainer.", oldest_queued_seconds),
]
