"""What a model version said about an image, what a reader said about that, and the worklist."""

from apps.diagnosis.models.diagnoses import (
    SUPERSEDED,
    Diagnosis,
    DiagnosisQuerySet,
    Finding,
    Review,
    Triage,
    WorklistEntry,
)
from apps.diagnosis.models.loading import LoadFailure
from apps.diagnosis.models.shadows import ShadowResult, ShadowResultQuerySet

__all__ = [
    "SUPERSEDED",
    "Diagnosis",
    "DiagnosisQuerySet",
    "Finding",
    "LoadFailure",
    "Review",
    "ShadowResult",
    "ShadowResultQuerySet",
    "Triage",
    "WorklistEntry",
]
