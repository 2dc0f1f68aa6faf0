"""What changes diagnoses, reviews and the worklist."""

from apps.diagnosis.services.queueing import diagnosis_queue, diagnosis_retry
from apps.diagnosis.services.reviews import ReviewError, review_record
from apps.diagnosis.services.running import diagnosis_run
from apps.diagnosis.services.sweep import SweepResult, diagnoses_sweep
from apps.diagnosis.services.worklist import worklist_refresh

__all__ = [
    "ReviewError",
    "SweepResult",
    "diagnoses_sweep",
    "diagnosis_queue",
    "diagnosis_retry",
    "diagnosis_run",
    "review_record",
    "worklist_refresh",
]
