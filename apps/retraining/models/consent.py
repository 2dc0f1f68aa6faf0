"""Whether a patient's images may teach a model."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.studies.models import Patient


class ResearchConsent(models.Model):
    """One decision of a patient; rows are only added, the newest decision counts.

    Newest by the day of the decision, and on one day by the order of recording: an old form that is
    recorded late must not undo a withdrawal.
    """

    class Decision(models.TextChoices):
        GRANTED = "granted", "Granted"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Scope(models.TextChoices):
        SITE = "site", "Training and measuring models in this house"
        SHARED = "shared", "Also data and models that leave this house"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="research_consents")
    decision = models.CharField(max_length=9, choices=Decision.choices)
    scope = models.CharField(max_length=6, choices=Scope.choices, default=Scope.SITE)
    decided_on = models.DateField()
    evidence = models.CharField(max_length=300, blank=True)
    """Where the signed form or the note of the withdrawal is."""
    recorded_by = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-decided_on", "-id"]
        indexes = [models.Index(fields=["patient", "decided_on", "id"], name="consent_newest")]

    def __str__(self) -> str:
        return f"Consent {self.pk}"
