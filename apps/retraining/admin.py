"""Training in Django admin: standing orders are set up here, runs are looked at and cancelled.

Data sets, consent and watching are shown without saying whose images they are, and without results.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.administration import ReadOnlyAdmin
from apps.core.errors import PlatformError
from apps.registry.selectors import version_from_reference
from apps.retraining.models import (
    DatasetSnapshot,
    ResearchConsent,
    TrainingRun,
    TrainingSchedule,
    WatchingReport,
)
from apps.retraining.requests import ARCHITECTURES, ENSEMBLE
from apps.retraining.selectors.runs import manifest_paths
from apps.retraining.services.runs import run_cancel
from apps.retraining.services.schedules import schedule_fire


class TrainingScheduleForm(forms.ModelForm[TrainingSchedule]):
    """A standing order, checked as far as that can be done today."""

    architecture = forms.ChoiceField(choices=[(name, name) for name in ARCHITECTURES if name != ENSEMBLE])

    class Meta:
        model = TrainingSchedule
        fields = [
            "name",
            "enabled",
            "trigger",
            "every_days",
            "reviews",
            "architecture",
            "init",
            "manifests",
            "epochs",
        ]

    def clean_init(self) -> str:
        """Check that the version to start from is registered."""
        reference = str(self.cleaned_data["init"])
        if reference:
            try:
                version_from_reference(reference)
            except PlatformError as error:
                raise forms.ValidationError(str(error)) from error
        return reference

    def clean_manifests(self) -> list[str]:
        """Check that the manifests are there."""
        names = self.cleaned_data["manifests"] or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise forms.ValidationError('Expected a list of names, such as ["cxr/manifest.csv"].')
        try:
            manifest_paths(names)
        except PlatformError as error:
            raise forms.ValidationError(str(error)) from error
        return names


@admin.register(TrainingSchedule)
class TrainingScheduleAdmin(admin.ModelAdmin[TrainingSchedule]):
    """When candidates are trained without anybody asking for it."""

    form = TrainingScheduleForm
    list_display = ["name", "enabled", "occasion", "architecture", "init", "ordered_by", "fired_at"]
    list_filter = ["enabled", "trigger"]
    readonly_fields = ["ordered_by", "fired_at", "outcome"]
    actions = ["start_now"]

    def save_model(self, request: HttpRequest, obj: TrainingSchedule, form: Any, change: bool) -> None:
        """Keep whose order it is now: what comes of it is theirs, and another person approves it."""
        actor = Actor.of_request(request)
        actor.require(Right.CONFIGURE)
        obj.ordered_by = actor.name
        super().save_model(request, obj, form, change)

    @admin.action(description="Start a run now", permissions=["change"])
    def start_now(self, request: HttpRequest, queryset: QuerySet[TrainingSchedule]) -> None:
        """Start the chosen orders' runs, as far as one at a time goes."""
        for schedule in queryset:
            try:
                run = schedule_fire(schedule=schedule, actor=Actor.of_request(request))
            except PlatformError as error:
                self.message_user(request, f"{schedule}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{schedule}: {run} is queued.", messages.SUCCESS)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """What became of a run, and the way to end it."""

    list_display = [
        "pk",
        "status",
        "requested_by",
        "schedule",
        "version",
        "attempts",
        "queued_at",
        "finished_at",
    ]
    list_filter = ["status", "schedule"]
    list_select_related = ["schedule", "version__model"]
    fields = [
        "status",
        "request",
        "snapshot",
        "init_version",
        "schedule",
        "version",
        "requested_by",
        "attempts",
        "queued_at",
        "enqueued_at",
        "started_at",
        "finished_at",
        "lease_expires_at",
        "progress",
        "error",
    ]
    actions = ["cancel"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[TrainingRun]) -> None:
        """End the chosen runs; those that are finished are left alone and said so."""
        actor, cancelled = Actor.of_request(request), 0
        for run in queryset:
            try:
                run_cancel(run=run, actor=actor)
            except PlatformError as error:
                self.message_user(request, f"{run}: {error}", messages.WARNING)
            else:
                cancelled += 1
        self.message_user(request, f"{cancelled} cancelled.", messages.SUCCESS)


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(ReadOnlyAdmin):
    """How far a data set is, and what became of it."""

    list_display = ["pk", "name", "status", "image_count", "requested_by", "queued_at", "finished_at"]
    list_filter = ["status"]
    search_fields = ["=pk", "name", "sha256"]


@admin.register(ResearchConsent)
class ResearchConsentAdmin(ReadOnlyAdmin):
    """Decisions by the patient's number here; where the form is may name the patient, and is not shown."""

    list_display = ["pk", "patient_id", "decision", "scope", "decided_on", "recorded_by", "recorded_at"]
    list_filter = ["decision", "scope"]
    search_fields = ["=pk", "=patient__pk"]
    fields = ["patient_id", "decision", "scope", "decided_on", "recorded_by", "recorded_at"]


@admin.register(WatchingReport)
class WatchingReportAdmin(ReadOnlyAdmin):
    """Periods of the champion, and their alarms."""

    list_display = ["pk", "model_version", "ends_at", "images", "drift_alarm", "agreement_alarm", "reason"]
    list_filter = ["drift_alarm", "agreement_alarm"]
    list_select_related = ["model_version__model"]
