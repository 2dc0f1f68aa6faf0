"""Consent, laboratory results, data sets, candidates, and measuring versions."""

from apps.retraining.services.audits import VersionAudit, version_audit
from apps.retraining.services.candidates import candidate_train
from apps.retraining.services.consents import ConsentError, ConsentImport, consent_record, consents_import
from apps.retraining.services.evaluations import VersionEvaluation, version_evaluate
from apps.retraining.services.laboratory import CONFIRMABLE, LaboratoryResultError, laboratory_result_record
from apps.retraining.services.snapshots import (
    MOST_FOLDS,
    SnapshotRequestError,
    snapshot_build,
    snapshot_request,
    snapshots_sweep,
)

__all__ = [
    "CONFIRMABLE",
    "MOST_FOLDS",
    "ConsentError",
    "ConsentImport",
    "LaboratoryResultError",
    "SnapshotRequestError",
    "VersionAudit",
    "VersionEvaluation",
    "candidate_train",
    "consent_record",
    "consents_import",
    "laboratory_result_record",
    "snapshot_build",
    "snapshot_request",
    "snapshots_sweep",
    "version_audit",
    "version_evaluate",
]
