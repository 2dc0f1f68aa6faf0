"""Making candidates and measuring versions."""

from apps.retraining.services.audits import VersionAudit, version_audit
from apps.retraining.services.candidates import candidate_train
from apps.retraining.services.evaluations import VersionEvaluation, version_evaluate

__all__ = [
    "VersionAudit",
    "VersionEvaluation",
    "candidate_train",
    "version_audit",
    "version_evaluate",
]
