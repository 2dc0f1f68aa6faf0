"""Naming the patient that a record is about."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.accounts.access import Actor
from apps.studies.models import Patient
from apps.studies.selectors import patients_visible_to


class PatientReferenceSerializer(serializers.Serializer[Any]):
    """A patient: by identifier and its issuer, or by one of the patient's studies."""

    patient_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=64)
    issuer_of_patient_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=64)
    study_instance_uid = serializers.CharField(required=False, default="", allow_blank=True, max_length=64)


def patient_named(reference: dict[str, Any], actor: Actor) -> Patient:
    """Return the patient and take the naming out of `reference`.

    Raises a validation error unless exactly one patient that the actor may know is named.
    """
    patient_id = reference.pop("patient_id")
    issuer = reference.pop("issuer_of_patient_id")
    study_instance_uid = reference.pop("study_instance_uid")
    if bool(patient_id) == bool(study_instance_uid):
        raise ValidationError({"patient_id": "Name the patient by patient_id or by study_instance_uid."})
    patients = patients_visible_to(actor)
    if study_instance_uid:
        found = patients.filter(studies__study_instance_uid=study_instance_uid).first()
    else:
        found = patients.filter(patient_id=patient_id, issuer_of_patient_id=issuer).first()
    if found is None:
        raise ValidationError({"patient_id": "No patient is known by this; nothing of theirs was received."})
    return found
