"""What a model version said about an image, what a reader said about that, and the worklist."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.core.leases import LeasedQuerySet
from apps.registry.models import ModelVersion
from apps.studies.models import Instance, Study

SUPERSEDED = None
"""Value of `Diagnosis.current` once a newer one took over: no database compares NULLs in a unique key."""


class Triage(models.IntegerChoices):
    """How soon a reader should look; the number orders the worklist."""

    URGENT = 1, "urgent"
    PRIORITY = 2, "priority"
    ROUTINE = 3, "routine"
    NONE = 4, "none"


class DiagnosisQuerySet(LeasedQuerySet["Diagnosis"]):
    """Sets of diagnoses, and the changes of their state."""

    def current(self) -> DiagnosisQuerySet:
        """Those that no newer one supersedes."""
        return self.filter(current=True)


class Diagnosis(models.Model):
    """One model version's result for one instance; its state changes only by compare-and-set."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        REJECTED = "rejected"
        FAILED = "failed"

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="diagnoses")
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="diagnoses"
    )
    """Null only while queued on an installation that has no champion yet."""
    current = models.BooleanField(null=True, default=True, editable=False)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(db_default=Now())
    enqueued_at = models.DateTimeField(db_default=Now(), editable=False)
    """When the broker was last told; it may have forgotten."""
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    label = models.CharField(max_length=40, blank=True)
    covid19_status = models.CharField(max_length=12, blank=True)
    prediction_set = models.JSONField(default=list)
    abnormality = models.FloatField(null=True)
    triage = models.PositiveSmallIntegerField(choices=Triage.choices, default=Triage.NONE)
    rejections = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    error = models.TextField(blank=True)
    timing_ms = models.JSONField(default=dict)
    preprocessing_version = models.CharField(max_length=20, blank=True)
    lung_outline_key = models.CharField(max_length=100, blank=True)

    objects = DiagnosisQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "diagnoses"
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "model_version", "current"], name="one_current_diagnosis"
            ),
        ]
        indexes = [models.Index(fields=["status", "enqueued_at"])]

    def __str__(self) -> str:
        return f"Diagnosis {self.pk}"


class Finding(models.Model):
    """One finding's probability in one diagnosis."""

    diagnosis = models.ForeignKey(Diagnosis, on_delete=models.CASCADE, related_name="findings")
    label = models.CharField(max_length=40)
    probability = models.FloatField()
    operating_point = models.FloatField(null=True)
    saliency_key = models.CharField(max_length=100, blank=True)
    """A transparent PNG in the preview's geometry."""

    class Meta:
        ordering = ["-probability"]
        constraints = [models.UniqueConstraint(fields=["diagnosis", "label"], name="finding_once")]

    def __str__(self) -> str:
        return self.label


class Review(models.Model):
    """A reader's verdict on a diagnosis; rows are only added, the newest counts."""

    class Verdict(models.TextChoices):
        AGREE = "agree"
        DISAGREE = "disagree"

    diagnosis = models.ForeignKey(Diagnosis, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    label = models.CharField(max_length=40, blank=True)
    comment = models.TextField(max_length=4000, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Review {self.pk}"


class WorklistEntry(models.Model):
    """A study's headline, kept on one row so that the worklist's pages are cheap and stable."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        RUNNING = "running"
        COMPLETED = "completed"
        REJECTED = "rejected"
        FAILED = "failed"

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="worklist_entry")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RECEIVED)
    triage = models.PositiveSmallIntegerField(choices=Triage.choices, default=Triage.NONE)
    headline = models.ForeignKey(Diagnosis, null=True, on_delete=models.SET_NULL, related_name="+")
    label = models.CharField(max_length=40, blank=True)
    probability = models.FloatField(null=True)
    abnormality = models.FloatField(null=True)
    reviewed_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=8, choices=Review.Verdict.choices, blank=True)
    received_at = models.DateTimeField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "worklist entries"
        indexes = [
            models.Index(fields=["triage", "received_at", "id"]),
            models.Index(fields=["status", "triage", "received_at", "id"]),
            models.Index(fields=["label", "triage", "received_at", "id"]),
            models.Index(fields=["received_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"Worklist entry {self.pk}"
