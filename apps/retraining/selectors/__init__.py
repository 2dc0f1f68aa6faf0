"""Reading consent, laboratory results and data sets, each by the rights of who asks."""

from apps.retraining.selectors.consents import (
    consent_in_force,
    consented_patients,
    consents_visible_to,
    snapshots_with_patient,
)
from apps.retraining.selectors.laboratory import (
    Reference,
    laboratory_results_visible_to,
    reference_of,
    results_in_force,
)
from apps.retraining.selectors.learning import LearningQueue, WorthReading, learning_queue
from apps.retraining.selectors.snapshots import (
    images_to_learn_from,
    snapshot_folder,
    snapshot_picture,
    snapshot_rows,
    snapshots_visible_to,
)

__all__ = [
    "LearningQueue",
    "Reference",
    "WorthReading",
    "consent_in_force",
    "consented_patients",
    "consents_visible_to",
    "images_to_learn_from",
    "laboratory_results_visible_to",
    "learning_queue",
    "reference_of",
    "results_in_force",
    "snapshot_folder",
    "snapshot_picture",
    "snapshot_rows",
    "snapshots_visible_to",
    "snapshots_with_patient",
]
