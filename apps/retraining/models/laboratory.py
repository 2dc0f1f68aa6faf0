"""What the laboratory found: the reference that outranks a reader."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.studies.models import Patient


class LaboratoryResult(models.Model):
    """One reported result; rows are only added.

    Of several rows on the same test, finding and day the one recorded last counts, so that a correction
    is another row.
    """

    class Test(models.TextChoices):
        RT_PCR = "rt_pcr", "RT-PCR"
        ANTIGEN = "antigen", "Antigen"
        CULTURE = "culture", "Culture"
        SEROLOGY = "serology", "Serology"
        OTHER = "other", "Other"

    class Result(models.TextChoices):
        POSITIVE = "positive", "Positive"
        NEGATIVE = "negative", "Negative"
        INDETERMINATE = "indeterminate", "Indeterminate"
        IN_ERROR = "in_error", "Entered in error"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="laboratory_results")
    test = models.CharField(max_length=8, choices=Test.choices)
    finding = models.CharField(max_length=40)
    """The finding that a positive result confirms and a negative one rules out."""
    result = models.CharField(max_length=13, choices=Result.choices)
    specimen_date = models.DateField()
    evidence = models.CharField(max_length=300, blank=True)
    """The laboratory's own number of the report, or where it is."""
    recorded_by = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-specimen_date", "-id"]
        indexes = [models.Index(fields=["patient", "specimen_date"], name="laboratory_specimen")]

    def __str__(self) -> str:
        return f"Laboratory result {self.pk}"
