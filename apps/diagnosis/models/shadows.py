"""What the challenger says about images that the champion has answered for; no reader sees it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now

from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.models.diagnoses import Diagnosis
from apps.registry.models import ModelVersion
from apps.studies.models import Instance

SHADOW_LEASE_SECONDS = 300
"""Longer than any image takes; nobody waits for a shadow, so nothing renews it."""


class ShadowResultQuerySet(models.QuerySet["ShadowResult"]):
    """Sets of shadow results, and the changes of their state: each is one conditional UPDATE."""

    def finished(self) -> ShadowResultQuerySet:
        """Those that can be held against the champion's."""
        return self.filter(status__in=[Diagnosis.Status.COMPLETED, Diagnosis.Status.REJECTED])

    def claimable(self) -> ShadowResultQuerySet:
        """Those that a worker may begin: queued, or left behind by one that died, with attempts left."""
        waiting = models.Q(status=Diagnosis.Status.QUEUED)
        abandoned = models.Q(status=Diagnosis.Status.RUNNING, lease_expires_at__lt=Now())
        return self.filter(waiting | abandoned, attempts__lt=MAX_ATTEMPTS)

    def claim(self, pk: int) -> uuid.UUID | None:
        """Take one result; None when another worker has it or it is finished."""
        token = uuid.uuid4()
        taken = (
            self.filter(pk=pk)
            .claimable()
            .update(
                status=Diagnosis.Status.RUNNING,
                lease_token=token,
                lease_expires_at=Now() + timedelta(seconds=SHADOW_LEASE_SECONDS),
                attempts=models.F("attempts") + 1,
            )
        )
        return token if taken else None

    def finish(self, pk: int, token: uuid.UUID, status: Diagnosis.Status, **fields: Any) -> bool:
        """Set the outcome while this token holds the row."""
        held = self.filter(pk=pk, status=Diagnosis.Status.RUNNING, lease_token=token)
        return bool(held.update(status=status, lease_token=None, lease_expires_at=None, **fields))


class ShadowResult(models.Model):
    """The challenger's answer for one image, beside the champion's diagnosis."""

    diagnosis = models.ForeignKey(Diagnosis, on_delete=models.PROTECT, related_name="shadow_results")
    """The champion's, finished before this was begun."""
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="shadow_results")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="shadow_results")
    status = models.CharField(max_length=9, choices=Diagnosis.Status.choices, default=Diagnosis.Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    label = models.CharField(max_length=40, blank=True)
    probabilities = models.JSONField(default=dict)
    prediction_set = models.JSONField(default=list)
    abnormality = models.FloatField(null=True)
    rejections = models.JSONField(default=list)
    error = models.TextField(blank=True)
    timing_ms = models.JSONField(default=dict)

    objects = ShadowResultQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["diagnosis", "model_version"], name="one_shadow_per_diagnosis")
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="shadow_status"),
            models.Index(fields=["model_version", "status", "id"], name="shadow_version"),
        ]

    def __str__(self) -> str:
        return f"Shadow result {self.pk}"
