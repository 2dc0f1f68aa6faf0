"""When a candidate is trained without anybody asking for it."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now


class TrainingSchedule(models.Model):
    """A standing order: on this trigger, freeze a snapshot and train on it."""

    class Trigger(models.TextChoices):
        CALENDAR = "calendar", "Every so many days"
        REVIEWS = "reviews", "After so many new reviews"
        DRIFT = "drift", "When the images or the results drift"
        AGREEMENT = "agreement", "When readers agree less"

    name = models.CharField(max_length=60, unique=True)
    enabled = models.BooleanField(default=True)
    trigger = models.CharField(max_length=9, choices=Trigger.choices, default=Trigger.REVIEWS)
    every_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1)],
        help_text="Of the calendar; for the other triggers the least time between two runs.",
    )
    reviews = models.PositiveIntegerField(
        default=200, validators=[MinValueValidator(1)], help_text="New reviews since the last snapshot."
    )
    architecture = models.CharField(max_length=40, default="compact_resnet")
    init = models.CharField(
        max_length=60,
        default="cxr@champion",
        blank=True,
        help_text="The version to continue from, cxr:3 or cxr@champion; empty trains from scratch.",
    )
    manifests = models.JSONField(
        default=list,
        blank=True,
        help_text='Names of manifests to train on beside the snapshot: ["cxr/manifest.csv"].',
    )
    epochs = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: as many as usual."
    )
    ordered_by = models.CharField(max_length=200, editable=False)
    """Who set it up or changed it last: the candidates are theirs, so that another person approves them."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    fired_at = models.DateTimeField(null=True, editable=False)
    outcome = models.TextField(blank=True, editable=False)
    """Why it last started a run, or why it could not."""

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def occasion(self) -> str:
        """When it starts a run, in words."""
        if self.trigger == self.Trigger.CALENDAR:
            return f"every {self.every_days} days"
        what = f"after {self.reviews} new reviews" if self.trigger == self.Trigger.REVIEWS else ""
        return f"{what or self.get_trigger_display().lower()}, at most every {self.every_days} days"
