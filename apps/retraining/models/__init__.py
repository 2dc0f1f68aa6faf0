"""Consent, laboratory results, data sets, training runs, watching."""

from apps.retraining.models.consent import ResearchConsent
from apps.retraining.models.laboratory import LaboratoryResult
from apps.retraining.models.leased import LeasedWork
from apps.retraining.models.runs import TrainingRun
from apps.retraining.models.schedules import TrainingSchedule
from apps.retraining.models.snapshots import DatasetSnapshot, SnapshotImage
from apps.retraining.models.watching import ImageStatistics, WatchingReport

__all__ = [
    "DatasetSnapshot",
    "ImageStatistics",
    "LaboratoryResult",
    "LeasedWork",
    "ResearchConsent",
    "SnapshotImage",
    "TrainingRun",
    "TrainingSchedule",
    "WatchingReport",
]
