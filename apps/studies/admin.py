"""What was received, in Django admin: to find and to clear up, with the people in it masked."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.access import Actor
from apps.core.administration import ReadOnlyAdmin
from apps.core.errors import PlatformError
from apps.core.masking import masked
from apps.studies.models import ConflictingObject, Instance, Patient, QuarantinedObject, Series, Study
from apps.studies.services.conflicts import conflict_close
from apps.studies.services.quarantine import quarantined_reingest

_PATIENT = ("pk", "masked_id", "masked_name", "patient_sex")
_STUDY = ("pk", "masked_patient", "masked_accession", "received_at", "last_received_at", "completed_at")
_SERIES = ("pk", "study_id", "modality", "body_part_examined", "station_name")
_INSTANCE = ("pk", "received_at", "door", "sender", "file_format", "transfer_syntax_uid", "size")
_INSTANCE_PAGE = (
    *_INSTANCE,
    "series",
    "sop_class_uid",
    "rows",
    "columns",
    "view_position",
    "sha256",
    "file_sha256",
    "storage_key",
)
_CONFLICT = ("pk", "instance", "received_at", "door", "sender", "status", "note")
_CONFLICT_PAGE = (*_CONFLICT, "transfer_syntax_uid", "size", "sha256", "storage_key")
_QUARANTINED = ("pk", "received_at", "door", "sender", "code", "detail", "size")
_QUARANTINED_PAGE = (*_QUARANTINED, "file_sha256", "storage_key")


@admin.register(Patient)
class PatientAdmin(ReadOnlyAdmin):
    """That there is a patient, hardly who."""

    list_display = _PATIENT
    fields = _PATIENT
    readonly_fields = _PATIENT

    @admin.display(description="patient id")
    def masked_id(self, patient: Patient) -> str:
        """Enough to tell two rows apart."""
        return masked(patient.patient_id)

    @admin.display(description="name")
    def masked_name(self, patient: Patient) -> str:
        """Enough to tell two rows apart."""
        return masked(patient.patient_name)


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    """When an examination arrived and whether it is complete."""

    list_display = _STUDY
    list_filter = ["received_at", ("completed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["patient"]
    search_fields = ["=study_instance_uid", "=accession_number"]
    date_hierarchy = "received_at"
    fields = _STUDY
    readonly_fields = _STUDY

    @admin.display(description="patient")
    def masked_patient(self, study: Study) -> str:
        """Enough of the patient's id to tell two rows apart."""
        return masked(study.patient.patient_id)

    @admin.display(description="accession number")
    def masked_accession(self, study: Study) -> str:
        """Enough of the number to tell two rows apart."""
        return masked(study.accession_number)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    """What kind of images a series holds."""

    list_display = _SERIES
    list_filter = ["modality"]
    fields = _SERIES
    readonly_fields = _SERIES


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """Where an image came from and how it is encoded."""

    list_display = _INSTANCE
    list_filter = ["door", "file_format", "transfer_syntax_uid", "received_at"]
    search_fields = ["=sop_instance_uid", "=sha256"]
    date_hierarchy = "received_at"
    fields = _INSTANCE_PAGE
    readonly_fields = _INSTANCE_PAGE


@admin.register(ConflictingObject)
class ConflictingObjectAdmin(ReadOnlyAdmin):
    """Other bytes under a known UID; the first object stays."""

    list_display = _CONFLICT
    list_filter = ["status", "door", "received_at"]
    search_fields = ["=instance__sop_instance_uid", "=sha256"]
    fields = _CONFLICT_PAGE
    readonly_fields = _CONFLICT_PAGE
    actions = ["close"]

    @admin.action(description="Close: looked at, the first object stays")
    def close(self, request: HttpRequest, queryset: QuerySet[ConflictingObject]) -> None:
        """Close the chosen conflicts; both objects are kept."""
        actor, closed = Actor.of_request(request), 0
        for conflict in queryset:
            try:
                conflict_close(conflict=conflict, actor=actor)
            except PlatformError as error:
                self.message_user(request, f"{conflict}: {error}", messages.WARNING)
            else:
                closed += 1
        self.message_user(request, f"{closed} closed.", messages.SUCCESS)


@admin.register(QuarantinedObject)
class QuarantinedObjectAdmin(ReadOnlyAdmin):
    """What could not be taken as an image, and why."""

    list_display = _QUARANTINED
    list_filter = ["code", "door", "received_at"]
    search_fields = ["=file_sha256", "=sender"]
    fields = _QUARANTINED_PAGE
    readonly_fields = _QUARANTINED_PAGE
    actions = ["reingest"]

    @admin.action(description="Take in again")
    def reingest(self, request: HttpRequest, queryset: QuerySet[QuarantinedObject]) -> None:
        """Ingest the chosen objects again, after a fix or a correction."""
        actor = Actor.of_request(request)
        for quarantined in queryset:
            try:
                result = quarantined_reingest(quarantined=quarantined, actor=actor)
            except PlatformError as error:
                self.message_user(request, f"{quarantined}: {error}", messages.WARNING)
            else:
                level = messages.WARNING if result.outcome == "quarantined" else messages.SUCCESS
                self.message_user(request, f"{quarantined}: {result.outcome}. {result.detail}".strip(), level)
