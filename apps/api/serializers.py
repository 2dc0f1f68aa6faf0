"""What REST takes and gives, in the contract's words; the OpenAPI schema is made from these."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.diagnosis.models import Diagnosis, Review, Triage, WorklistEntry

TRIAGE_NAMES = [(str(triage.label), str(triage.label)) for triage in Triage]
ORDERINGS = ("triage", "-received_at", "received_at")


class DiagnosisReferenceSerializer(serializers.Serializer[Any]):
    """A diagnosis by id, and how far it is."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(Diagnosis.Status.choices)


class StudyInstanceSerializer(serializers.Serializer[Any]):
    """One image of a study, and its current diagnosis."""

    sop_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    diagnosis = DiagnosisReferenceSerializer(allow_null=True)


class StudySerializer(serializers.Serializer[Any]):
    """A study with its headline; for those who may see the status only, results are null."""

    study_instance_uid = serializers.CharField()
    patient_id = serializers.CharField()
    patient_name = serializers.CharField()
    accession_number = serializers.CharField()
    study_date = serializers.DateField(allow_null=True)
    received_at = serializers.DateTimeField()
    status = serializers.ChoiceField(WorklistEntry.Status.choices)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # DRF takes declared fields out of the class
    triage = serializers.ChoiceField(TRIAGE_NAMES)
    abnormality = serializers.FloatField(allow_null=True)
    instances = StudyInstanceSerializer(many=True)


class StudyPageSerializer(serializers.Serializer[Any]):
    """A keyset page of studies."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = StudySerializer(many=True)


class StudyQuerySerializer(serializers.Serializer[Any]):
    """The filters of the list of studies."""

    status = serializers.ChoiceField(WorklistEntry.Status.choices, required=False)
    label = serializers.CharField(required=False, max_length=40)  # type: ignore[assignment]  # DRF takes declared fields out of the class
    triage = serializers.ChoiceField(TRIAGE_NAMES, required=False)
    patient_id = serializers.CharField(required=False, max_length=64)
    accession_number = serializers.CharField(required=False, max_length=64)
    received_from = serializers.DateTimeField(required=False)
    received_to = serializers.DateTimeField(required=False)
    ordering = serializers.ChoiceField(ORDERINGS, default="triage")
    cursor = serializers.CharField(required=False, max_length=400)


class UploadSerializer(serializers.Serializer[Any]):
    """Files to ingest: DICOM, PNG or JPEG, one or many."""

    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)


class UploadedInstanceSerializer(serializers.Serializer[Any]):
    """A file that is kept, under its identifiers."""

    file = serializers.CharField()
    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    known = serializers.BooleanField()
    diagnosis = DiagnosisReferenceSerializer(allow_null=True)


class UploadErrorSerializer(serializers.Serializer[Any]):
    """A file that did not become an image of a study, and why."""

    file = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class UploadResultSerializer(serializers.Serializer[Any]):
    """What became of each uploaded file."""

    instances = UploadedInstanceSerializer(many=True)
    errors = UploadErrorSerializer(many=True)  # type: ignore[assignment]  # DRF takes declared fields out of the class


class RejectionSerializer(serializers.Serializer[Any]):
    """One typed reason for giving no label."""

    code = serializers.CharField()
    detail = serializers.CharField()


class ModelReferenceSerializer(serializers.Serializer[Any]):
    """The model version that gave a result."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()


class ReviewSerializer(serializers.Serializer[Any]):
    """A reader's verdict."""

    id = serializers.IntegerField()
    reviewer = serializers.CharField()
    verdict = serializers.ChoiceField(Review.Verdict.choices)
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # DRF takes declared fields out of the class
    comment = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class ReviewInputSerializer(serializers.Serializer[Any]):
    """A verdict to record; `label` is the right finding when it is `disagree`."""

    verdict = serializers.ChoiceField(Review.Verdict.choices)
    label = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)  # type: ignore[assignment]  # DRF takes declared fields out of the class
    comment = serializers.CharField(required=False, default="", allow_blank=True, max_length=4000)


class DiagnosisSerializer(serializers.Serializer[Any]):
    """The contract's result, with ids and times."""

    id = serializers.IntegerField()
    study_instance_uid = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    status = serializers.ChoiceField(Diagnosis.Status.choices)
    attempts = serializers.IntegerField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    superseded_by = serializers.IntegerField(allow_null=True)
    file = serializers.URLField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # DRF takes declared fields out of the class
    covid19_status = serializers.CharField(allow_null=True)
    probabilities = serializers.DictField(child=serializers.FloatField())
    operating_points = serializers.DictField(child=serializers.FloatField(allow_null=True))
    prediction_set = serializers.ListField(child=serializers.CharField())
    abnormality = serializers.FloatField(allow_null=True)
    triage = serializers.ChoiceField(TRIAGE_NAMES)
    rejections = RejectionSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    error = serializers.CharField(allow_null=True)
    model = ModelReferenceSerializer(allow_null=True)
    saliency = serializers.DictField(child=serializers.URLField())
    timing_ms = serializers.DictField(child=serializers.FloatField())
    reviews = ReviewSerializer(many=True)


class InstanceSerializer(serializers.Serializer[Any]):
    """One stored image object."""

    sop_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    study_instance_uid = serializers.CharField()
    sop_class_uid = serializers.CharField(allow_blank=True)
    transfer_syntax_uid = serializers.CharField(allow_blank=True)
    file_format = serializers.CharField()
    modality = serializers.CharField(allow_blank=True)
    view_position = serializers.CharField(allow_blank=True)
    rows = serializers.IntegerField(allow_null=True)
    columns = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    received_at = serializers.DateTimeField()
    file = serializers.URLField()
    rendered = serializers.URLField()
    diagnosis = DiagnosisReferenceSerializer(allow_null=True)


class AliasSerializer(serializers.Serializer[Any]):
    """A movable name and the version that it points to."""

    name = serializers.CharField()
    version = serializers.IntegerField()


class ModelVersionSummarySerializer(serializers.Serializer[Any]):
    """One version in a list."""

    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    architecture = serializers.CharField()
    created_at = serializers.DateTimeField()
    url = serializers.URLField()


class ModelSerializer(serializers.Serializer[Any]):
    """A registered model, its versions and aliases."""

    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    aliases = AliasSerializer(many=True)
    versions = ModelVersionSummarySerializer(many=True)


class ModelListSerializer(serializers.Serializer[Any]):
    """All registered models."""

    results = ModelSerializer(many=True)


class ModelVersionSerializer(ModelVersionSummarySerializer):
    """All that is known about one immutable version."""

    model = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    preprocessing_version = serializers.CharField()
    operating_points = serializers.DictField(child=serializers.FloatField())
    evaluation = serializers.DictField()
    audit = serializers.DictField()
    comparison = serializers.DictField()
    objections = serializers.ListField(child=serializers.CharField())
    imported = serializers.DictField()
    lineage = serializers.DictField()
    card = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField()
