"""Models under version: versions never change, aliases move, and every move is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from django.db import models
from django.db.models.functions import Now

from apps.core.errors import PermanentError

SYSTEM = "system"
"""Who made what the platform makes by itself, such as the version that came with the release."""


class UnchangeableError(PermanentError):
    """The row says what is or what was; it is not edited."""


class RegisteredModel(models.Model):
    """A name under which versions are kept, for example `cxr`."""

    name = models.SlugField(max_length=40, unique=True)
    description = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One immutable set of artifacts and all that is known about it."""

    LEARNED_LATER = frozenset({"audit", "comparison"})
    """The only fields that change once the version is registered."""

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
    comparison = models.JSONField(default=dict)
    """How it did against the champion on the same images: `champion n rows verdict`."""
    imported = models.JSONField(default=dict)
    """Where an imported version comes from and what its archive said of it: shown, never believed."""
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

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save a new version, or what was learned of a registered one.

        Raises `UnchangeableError` for any other change.
        """
        if not self._state.adding and not (update_fields and self.LEARNED_LATER.issuperset(update_fields)):
            raise UnchangeableError(
                f"{self} is registered: of a version only {', '.join(sorted(self.LEARNED_LATER))} change. "
                "Register what you have as a new version."
            )
        super().save(*args, update_fields=update_fields, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `UnchangeableError`: results name the version."""
        raise UnchangeableError(f"{self} is registered: results name it, so it is never deleted.")


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


class AliasChangeQuerySet(models.QuerySet["AliasChange"]):
    """Moves of aliases, to read and to add to."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Raise `UnchangeableError`."""
        raise UnchangeableError("What was in production when is not rewritten; move the alias again.")

    def delete(self) -> NoReturn:
        """Raise `UnchangeableError`."""
        raise UnchangeableError("What was in production when is not deleted.")


class AliasChange(models.Model):
    """One move of an alias; rows are only added. The sealed audit log tells of every move as well."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="alias_changes")
    alias = models.CharField(max_length=10, choices=Alias.Name.choices)
    from_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    to_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=200)
    reason = models.TextField()
    is_rollback = models.BooleanField(default=False)
    overridden = models.JSONField(default=list)
    """What the gate had against it, a sentence each, when somebody promoted all the same."""

    objects = AliasChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.alias}: {self.from_version_id} to {self.to_version_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the move; raises `UnchangeableError` for one that was added before."""
        if not self._state.adding:
            raise UnchangeableError("What was in production when is not rewritten; move the alias again.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `UnchangeableError`."""
        raise UnchangeableError("What was in production when is not deleted.")
