"""What was seen while a version answered: measures of its images, and a report for every period."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.registry.models import ModelVersion
from apps.studies.models import Instance


class ImageStatistics(models.Model):
    """Measures of one image's stored preview, taken once."""

    instance = models.OneToOneField(Instance, on_delete=models.CASCADE, related_name="statistics")
    values = models.JSONField()
    """Numbers by name; empty where there is no preview or it cannot be read."""
    measured_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "image statistics"

    def __str__(self) -> str:
        return f"Statistics of instance {self.instance_id}"


class WatchingReport(models.Model):
    """One period of a version's answers held against the version's reference; rows are only added."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="watching_reports")
    first_diagnosis = models.BigIntegerField()
    last_diagnosis = models.BigIntegerField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    images = models.PositiveIntegerField()
    reference_images = models.PositiveIntegerField()
    shifts = models.JSONField(default=list)
    """One object per comparison: attribute, test, statistic, p_value, stability_index, alarm."""
    rates = models.JSONField(default=list)
    """One object per figure and part: figure, by, part, hits, n, rate, low, high."""
    calibration_error = models.FloatField(null=True)
    drift_alarm = models.BooleanField(default=False)
    agreement_alarm = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    """The alarms in sentences."""
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["model_version", "last_diagnosis"], name="watching_period_once")
        ]

    def __str__(self) -> str:
        return f"Watching report {self.pk}"
