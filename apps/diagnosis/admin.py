"""Diagnoses in Django admin: what became of them, without saying whose they are and without results.

An administrator keeps the platform running and has no right to patients' results; what helps with that
is the state, the attempts, the reason of a failure, and trying again.
"""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.access import Actor
from apps.core.administration import ReadOnlyAdmin
from apps.core.errors import PlatformError
from apps.core.masking import masked
from apps.diagnosis.models import Diagnosis, Finding, LoadFailure, Review, ShadowResult, WorklistEntry
from apps.diagnosis.services import diagnosis_retry


@admin.register(Diagnosis)
class DiagnosisAdmin(ReadOnlyAdmin):
    """What became of an image, and the way to try again."""

    list_display = ["pk", "instance_id", "model_version", "status", "attempts", "queued_at", "finished_at"]
    list_filter = ["status", "model_version"]
    list_select_related = ["model_version__model"]
    search_fields = ["=pk", "=instance__pk"]
    fields = [
        "instance_id",
        "model_version",
        "superseded_by",
        "status",
        "attempts",
        "queued_at",
        "enqueued_at",
        "started_at",
        "finished_at",
        "lease_expires_at",
        "rejections",
        "warnings",
        "error",
        "timing_ms",
        "preprocessing_version",
    ]
    actions = ["retry"]

    @admin.action(description="Classify again")
    def retry(self, request: HttpRequest, queryset: QuerySet[Diagnosis]) -> None:
        """Queue the chosen diagnoses again; those still under way are left alone and said so."""
        actor, queued = Actor.of_request(request), 0
        for diagnosis in queryset:
            try:
                diagnosis_retry(diagnosis=diagnosis, actor=actor)
            except PlatformError as error:
                self.message_user(request, f"{diagnosis}: {error}", messages.WARNING)
            else:
                queued += 1
        self.message_user(request, f"{queued} queued again.", messages.SUCCESS)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """That a finding was stored, not what it says of a patient."""

    list_display = ["pk", "diagnosis_id"]
    fields = ["diagnosis_id"]


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """Who reviewed when; what the reader saw is for readers."""

    list_display = ["pk", "diagnosis_id", "reviewer", "created_at"]
    list_select_related = ["reviewer"]
    fields = ["pk", "diagnosis_id", "reviewer", "created_at"]


@admin.register(WorklistEntry)
class WorklistEntryAdmin(ReadOnlyAdmin):
    """Where a study stands, its patient masked."""

    list_display = ["pk", "study_id", "masked_patient", "status", "received_at", "updated_at"]
    list_filter = ["status"]
    list_select_related = ["study__patient"]
    fields = ["pk", "study_id", "masked_patient", "status", "received_at", "updated_at"]

    @admin.display(description="patient")
    def masked_patient(self, entry: WorklistEntry) -> str:
        """Enough of the patient's id to tell two rows apart."""
        return masked(entry.study.patient.patient_id)


@admin.register(ShadowResult)
class ShadowResultAdmin(ReadOnlyAdmin):
    """How far the challenger is with an image, not what it says of a patient."""

    list_display = ["pk", "diagnosis_id", "model_version", "status", "attempts", "queued_at", "finished_at"]
    list_filter = ["status", "model_version"]
    list_select_related = ["model_version__model"]
    fields = ["diagnosis_id", "model_version", "status", "attempts", "queued_at", "finished_at", "error"]


@admin.register(LoadFailure)
class LoadFailureAdmin(ReadOnlyAdmin):
    """Which version could not be loaded, why, and what answered instead."""

    list_display = ["model_version", "at", "mended_at", "served_instead", "error"]
    list_select_related = ["model_version__model", "served_instead__model"]
    fields = ["model_version", "at", "mended_at", "served_instead", "error"]
