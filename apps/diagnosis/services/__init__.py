"""What changes diagnoses, reviews and the worklist."""

from apps.diagnosis.services.queueing import diagnosis_queue, diagnosis_retry
from apps.diagnosis.services.reviews import ReviewError, review_record
from apps.diagnosis.services.running import diagnosis_run
from apps.diagnosis.services.serving import NoModelError, version_to_serve, versions_warm
from apps.diagnosis.services.shadows import shadow_queue, shadows_run, shadows_sweep
from apps.diagnosis.services.sweep import SweepResult, diagnoses_sweep
from apps.diagnosis.services.worklist import worklist_refresh

__all__ = [
    "NoModelError",
    "ReviewError",
    "SweepResult",
    "diagnoses_sweep",
    "diagnosis_queue",
    "diagnosis_retry",
    "diagnosis_run",
    "review_record",
    "shadow_queue",
    "shadows_run",
    "shadows_sweep",
    "version_to_serve",
    "versions_warm",
    "worklist_refresh",
]
