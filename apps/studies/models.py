"""DICOM's own hierarchy, and what was received but is not part of it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

UID_LENGTH = 64
"""PS3.5 9.1: a UID has at most 64 characters."""


class Patient(models.Model):
    """A patient as the sender names one: unique by patient id and its issuer."""

    patient_id = models.CharField(max_length=64, blank=True)
    issuer_of_patient_id = models.CharField(max_length=64, blank=True)
    patient_name = models.CharField(max_length=324, blank=True)
    patient_birth_date = models.DateField(null=True, blank=True)
    patient_sex = models.CharField(max_length=1, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient_id", "issuer_of_patient_id"], name="patient_identity")
        ]

    def __str__(self) -> str:
        return f"Patient {self.pk}"


class Study(models.Model):
    """One examination."""

    study_instance_uid = models.CharField(max_length=UID_LENGTH, unique=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    accession_number = models.CharField(max_length=64, blank=True, db_index=True)
    study_date = models.DateField(null=True, blank=True)
    study_time = models.TimeField(null=True, blank=True)
    study_description = models.CharField(max_length=64, blank=True)
    institution_name = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)
    last_received_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)
    """When the study had been quiet for the configured time; cleared when another image arrives."""

    class Meta:
        verbose_name_plural = "studies"
        indexes = [models.Index(fields=["completed_at", "last_received_at"], name="study_quiet")]

    def __str__(self) -> str:
        return f"Study {self.pk}"


class Series(models.Model):
    """Images of one modality in one study."""

    series_instance_uid = models.CharField(max_length=UID_LENGTH, unique=True)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    modality = models.CharField(max_length=16, blank=True)
    body_part_examined = models.CharField(max_length=16, blank=True)
    station_name = models.CharField(max_length=16, blank=True)

    class Meta:
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return f"Series {self.pk}"


class Received(models.Model):
    """What every received object has, whatever became of it."""

    class Door(models.TextChoices):
        DICOM = "dicom", "C-STORE"
        UPLOAD = "upload", "Browser upload"
        API = "api", "REST"
        IMPORT = "import", "import_studies"

    sha256 = models.CharField(max_length=64)
    """Of the dataset after the File Meta group; of the whole file for PNG, JPEG and what cannot be parsed."""
    file_sha256 = models.CharField(max_length=64)
    """Of the stored file, for `verify_storage`."""
    size = models.BigIntegerField()
    storage_key = models.CharField(max_length=100, unique=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)
    door = models.CharField(max_length=8, choices=Door.choices)
    sender = models.CharField(max_length=200, blank=True)
    """The calling AE title, or the user's id."""

    class Meta:
        abstract = True


class Instance(Received):
    """One image object. Its identity is its SOP Instance UID, its digest the bytes of its dataset."""

    class FileFormat(models.TextChoices):
        DICOM = "dicom"
        PNG = "png"
        JPEG = "jpeg"

    sop_instance_uid = models.CharField(max_length=UID_LENGTH, unique=True)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    sop_class_uid = models.CharField(max_length=UID_LENGTH, blank=True)
    transfer_syntax_uid = models.CharField(max_length=UID_LENGTH, blank=True)
    file_format = models.CharField(max_length=5, choices=FileFormat.choices, default=FileFormat.DICOM)
    instance_number = models.CharField(max_length=12, blank=True)
    view_position = models.CharField(max_length=16, blank=True)
    rows = models.PositiveIntegerField(null=True, blank=True)
    columns = models.PositiveIntegerField(null=True, blank=True)
    preview_key = models.CharField(max_length=100, blank=True)
    """A PNG that the worker stored; empty until then."""

    def __str__(self) -> str:
        return f"Instance {self.pk}"


class ConflictingObject(Received):
    """Other bytes under a SOP Instance UID that we already hold; the first stays."""

    class Status(models.TextChoices):
        OPEN = "open", "To be looked at"
        EQUAL = "equal", "Same image and identity, closed by itself"
        RESOLVED = "resolved", "Closed by an administrator"

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="conflicts")
    transfer_syntax_uid = models.CharField(max_length=UID_LENGTH, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance", "sha256"], name="conflict_once")]

    def __str__(self) -> str:
        return f"Conflict {self.pk} with instance {self.instance_id}"


class QuarantinedObject(Received):
    """Bytes that could not be parsed or must not enter; kept, because success or failure was answered."""

    code = models.CharField(max_length=30)
    detail = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file_sha256"], name="quarantine_once")]

    def __str__(self) -> str:
        return f"Quarantined {self.pk} ({self.code})"
