"""A model version that workers could not load, until they can."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.registry.models import ModelVersion

MENDED = None
"""Value of `LoadFailure.open` afterwards: no database compares NULLs in a unique key."""


class LoadFailure(models.Model):
    """One spell in which a version could not be loaded; at most one is open for a version."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="load_failures")
    open = models.BooleanField(null=True, default=True, editable=False)
    error = models.TextField()
    served_instead = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    """The version that answers meanwhile; null where none does, or where it was the challenger."""
    at = models.DateTimeField(db_default=Now())
    mended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["model_version", "open"], name="one_open_load_failure")
        ]

    def __str__(self) -> str:
        return f"Load failure {self.pk}"
