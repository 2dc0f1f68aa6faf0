"""`/api/v1/laboratory-results/`: the reference that outranks a reader."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.roles import Right
from apps.api.base import CollectionView
from apps.api.pagination import PAGE_SIZE, page_response
from apps.api.patients import PatientReferenceSerializer, patient_named
from apps.api.problems import ProblemSerializer
from apps.core.keyset import keyset_page
from apps.retraining.models import LaboratoryResult
from apps.retraining.selectors import laboratory_results_visible_to
from apps.retraining.services import CONFIRMABLE, laboratory_result_record


class LaboratoryResultInputSerializer(PatientReferenceSerializer):
    """A result to record; `finding` is what a positive one confirms and a negative one rules out."""

    test = serializers.ChoiceField(LaboratoryResult.Test.choices)
    finding = serializers.ChoiceField([str(finding) for finding in CONFIRMABLE])
    result = serializers.ChoiceField(LaboratoryResult.Result.choices)
    specimen_date = serializers.DateField()
    evidence = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class LaboratoryResultSerializer(serializers.Serializer[Any]):
    """A recorded result."""

    id = serializers.IntegerField()
    patient_id = serializers.CharField(allow_blank=True)
    issuer_of_patient_id = serializers.CharField(allow_blank=True)
    test = serializers.ChoiceField(LaboratoryResult.Test.choices)
    finding = serializers.CharField()
    result = serializers.ChoiceField(LaboratoryResult.Result.choices)
    specimen_date = serializers.DateField()
    evidence = serializers.CharField(allow_blank=True)
    recorded_by = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class LaboratoryResultPageSerializer(serializers.Serializer[Any]):
    """One page."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LaboratoryResultSerializer(many=True)


class LaboratoryResultQuerySerializer(serializers.Serializer[Any]):
    """Filters of the list."""

    patient_id = serializers.CharField(required=False, max_length=64)
    cursor = serializers.CharField(required=False)


class LaboratoryResultCollection(CollectionView):
    """What the laboratory found."""

    rights = {"GET": Right.VIEW_RESULTS, "POST": Right.REVIEW}

    @extend_schema(
        operation_id="laboratory_results_list",
        parameters=[LaboratoryResultQuerySerializer],
        responses={200: LaboratoryResultPageSerializer},
    )
    def get(self, request: Request) -> Response:
        """List results, the last recorded first."""
        query = LaboratoryResultQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        filters: dict[str, Any] = dict(query.validated_data)
        results = laboratory_results_visible_to(self.actor)
        if patient_id := filters.get("patient_id"):
            results = results.filter(patient__patient_id=patient_id)
        page = keyset_page(
            results, fields=("id",), descending=True, cursor=filters.get("cursor"), size=PAGE_SIZE
        )
        return page_response(request, page, laboratory_result_representation)

    @extend_schema(
        request=LaboratoryResultInputSerializer,
        responses={201: LaboratoryResultSerializer, 400: ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Record a result."""
        given = LaboratoryResultInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        patient = patient_named(values, self.actor)
        result = laboratory_result_record(patient=patient, actor=self.actor, **values)
        return Response(laboratory_result_representation(result), status=status.HTTP_201_CREATED)


def laboratory_result_representation(result: LaboratoryResult) -> dict[str, Any]:
    """Represent a result with the patient's identifier."""
    return {
        "id": result.pk,
        "patient_id": result.patient.patient_id,
        "issuer_of_patient_id": result.patient.issuer_of_patient_id,
        "test": result.test,
        "finding": result.finding,
        "result": result.result,
        "specimen_date": result.specimen_date,
        "evidence": result.evidence,
        "recorded_by": result.recorded_by,
        "recorded_at": result.recorded_at,
    }
