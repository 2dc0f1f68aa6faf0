"""Who did what, when, to which object: append-only, chained by a sealer."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AuditEvent(models.Model):
    """One event. Inserted unsealed in the caller's transaction; the sealer numbers and chains it.

    Triggers refuse any change to a sealed row. SQLite rebuilds a table that a migration alters and
    drops its triggers: such a migration ends with `triggers.install` (a test sees when it is forgotten).
    """

    class Outcome(models.TextChoices):
        SUCCESS = "success"
        FAILURE = "failure"

    at = models.DateTimeField(db_default=Now())
    action = models.CharField(max_length=40)
    outcome = models.CharField(max_length=7, choices=Outcome.choices, default=Outcome.SUCCESS)
    actor = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=100, blank=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=100, blank=True)
    detail = models.JSONField(default=dict)
    sequence = models.BigIntegerField(null=True, unique=True, editable=False)
    previous_seal = models.CharField(max_length=64, blank=True, editable=False)
    seal = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["object_type", "object_id"])]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}".strip()
