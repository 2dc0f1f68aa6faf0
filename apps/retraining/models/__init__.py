"""Consent, laboratory results, data sets, training runs, watching."""

from apps.retraining.models.consent import ResearchConsent
from apps.retraining.models.laboratory import LaboratoryResult
from apps.retraining.models.leased import LEASE_SECONDS, MAX_ATTEMPTS, LeasedQuerySet, LeasedWork
from apps.retraining.models.runs import TrainingRun
from apps.retraining.models.schedules import TrainingSchedule
from apps.retraining.models.snapshots import DatasetSnapshot, SnapshotImage
from apps.retraining.models.watching import ImageStatistics, WatchingReport

__all__ = [
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "DatasetSnapshot",
    "ImageStatistics",
    "LaboratoryResult",
    "LeasedQuerySet",
    "LeasedWork",
    "ResearchConsent",
    "SnapshotImage",
    "TrainingRun",
    "TrainingSchedule",
    "WatchingReport",
]
