"""Frozen data sets, and which of the site's images are in them."""

from __future__ import annotations

from django.db import models

from apps.core.leases import LeasedQuerySet
from apps.diagnosis.models import Review
from apps.retraining.models.consent import ResearchConsent
from apps.retraining.models.laboratory import LaboratoryResult
from apps.retraining.models.leased import LeasedWork
from apps.studies.models import Instance


class SnapshotQuerySet(LeasedQuerySet["DatasetSnapshot"]):
    """Sets of snapshots."""

    def completed(self) -> SnapshotQuerySet:
        """Those that can be trained on."""
        return self.filter(status=DatasetSnapshot.Status.COMPLETED)


class DatasetSnapshot(LeasedWork):
    """One frozen data set: never changed once completed, and named by the hash of all that is in it."""

    name = models.CharField(max_length=100)
    consent_scope = models.CharField(
        max_length=6, choices=ResearchConsent.Scope.choices, default=ResearchConsent.Scope.SITE
    )
    manifests = models.JSONField(default=list)
    """Paths of further manifests whose images are copied into the snapshot."""
    laboratory_days = models.PositiveSmallIntegerField()
    """Days between specimen and study within which a laboratory result is the study's label."""
    folds = models.PositiveSmallIntegerField(default=5)
    seed = models.PositiveIntegerField(default=20)
    sha256 = models.CharField(max_length=64, blank=True)
    """Of `manifest.csv`, which holds every image's own; also the folder's name. Empty until completed."""
    image_count = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict)
    """Counts, copies, leakage between folds, and what was left out and why."""

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "enqueued_at"], name="snapshot_waiting")]

    def __str__(self) -> str:
        return f"Snapshot {self.pk}"


class SnapshotImage(models.Model):
    """One of the site's images in one snapshot, and who gave its label; for staff with the right only.

    Whoever sees de-identified data sees `file` and `label`, never the instance behind them.
    """

    snapshot = models.ForeignKey(DatasetSnapshot, on_delete=models.PROTECT, related_name="images")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="snapshot_images")
    file = models.CharField(max_length=100)
    """Path inside the snapshot's folder."""
    label = models.CharField(max_length=40)
    fold = models.PositiveSmallIntegerField(null=True)
    """None where there were fewer patients than folds."""
    review = models.ForeignKey(Review, null=True, on_delete=models.PROTECT, related_name="+")
    laboratory_result = models.ForeignKey(
        LaboratoryResult, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "instance"], name="snapshot_image_once")]

    def __str__(self) -> str:
        return f"Image {self.pk} of snapshot {self.snapshot_id}"
