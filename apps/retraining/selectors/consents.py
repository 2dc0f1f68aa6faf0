"""Reading consent."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.retraining.models import DatasetSnapshot, ResearchConsent
from apps.studies.models import Patient


def consents_visible_to(actor: Actor) -> QuerySet[ResearchConsent]:
    """Return the recorded decisions, newest decision first; none without the right to patients' results."""
    consents = ResearchConsent.objects.select_related("patient")
    return consents if actor.may(Right.VIEW_RESULTS) else consents.none()


def consent_in_force(patient: Patient) -> ResearchConsent | None:
    """Return the decision of a patient that counts, or None where none was recorded."""
    return ResearchConsent.objects.filter(patient=patient).first()


def consented_patients(*, scope: str, among: Iterable[int]) -> set[int]:
    """Return which patients' images may enter training data of a scope.

    Without any recorded decision `CXR_RESEARCH_CONSENT_DEFAULT` decides, and then for this house only.
    """
    wanted = set(among)
    newest: dict[int, ResearchConsent] = {}
    for consent in ResearchConsent.objects.order_by("decided_on", "id").iterator():
        newest[consent.patient_id] = consent
    default = settings.RESEARCH_CONSENT_DEFAULT and scope == ResearchConsent.Scope.SITE
    return {
        patient for patient in wanted if (_covers(newest[patient], scope) if patient in newest else default)
    }


def snapshots_with_patient(patient: Patient) -> QuerySet[DatasetSnapshot]:
    """Return the completed snapshots that hold images of a patient, for whoever records a withdrawal."""
    completed = DatasetSnapshot.objects.completed()
    return completed.filter(images__instance__series__study__patient=patient).distinct()


def _covers(consent: ResearchConsent, scope: str) -> bool:
    granted = consent.decision == ResearchConsent.Decision.GRANTED
    return granted and (scope == ResearchConsent.Scope.SITE or consent.scope == scope)
