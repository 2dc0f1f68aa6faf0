"""Models under version: versions never change, aliases move, and every move is kept."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class RegisteredModel(models.Model):
    """A name under which versions are kept, for example `cxr`."""

    name = models.SlugField(max_length=40, unique=True)
    description = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One immutable set of artifacts and all that is known about it."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    """Digest over the folder's file names and digests."""
    folder = models.CharField(max_length=64)
    """Name of the artifacts' folder below the data folder's `models`."""
    architecture = models.CharField(max_length=40)
    labels = models.JSONField()
    classes = models.JSONField(default=dict)
    """The findings that each label gathers; a label that is not listed stands for itself."""
    preprocessing_version = models.CharField(max_length=20)
    operating_points = models.JSONField()
    evaluation = models.JSONField(default=dict)
    audit = models.JSONField(default=dict)
    lineage = models.JSONField(default=dict)
    card = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["model", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number"),
            models.UniqueConstraint(fields=["model", "sha256"], name="version_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}:{self.number}"


class Alias(models.Model):
    """A movable name for a version."""

    class Name(models.TextChoices):
        CHAMPION = "champion", "Champion: gives the results"
        CHALLENGER = "challenger", "Challenger: runs in the shadow"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=10, choices=Name.choices)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")

    class Meta:
        verbose_name_plural = "aliases"
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="one_version_per_alias")]

    def __str__(self) -> str:
        return f"{self.model.name}@{self.name}"


class AliasChange(models.Model):
    """One move of an alias; rows are only added."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="alias_changes")
    alias = models.CharField(max_length=10, choices=Alias.Name.choices)
    from_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    to_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=200)
    reason = models.TextField()
    is_rollback = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.alias}: {self.from_version_id} to {self.to_version_id}"
