"""`/api/v1/consents/`: whether patients' images may teach a model."""

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
from apps.retraining.models import ResearchConsent
from apps.retraining.selectors import consents_visible_to, snapshots_with_patient
from apps.retraining.services import consent_record


class ConsentInputSerializer(PatientReferenceSerializer):
    """A decision to record; `evidence` says where the signed form is."""

    decision = serializers.ChoiceField(ResearchConsent.Decision.choices)
    scope = serializers.ChoiceField(
        ResearchConsent.Scope.choices, required=False, default=ResearchConsent.Scope.SITE
    )
    decided_on = serializers.DateField()
    evidence = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class ConsentSerializer(serializers.Serializer[Any]):
    """A recorded decision; of a withdrawal also the snapshots that hold the patient's images."""

    id = serializers.IntegerField()
    patient_id = serializers.CharField(allow_blank=True)
    issuer_of_patient_id = serializers.CharField(allow_blank=True)
    decision = serializers.ChoiceField(ResearchConsent.Decision.choices)
    scope = serializers.ChoiceField(ResearchConsent.Scope.choices)
    decided_on = serializers.DateField()
    evidence = serializers.CharField(allow_blank=True)
    recorded_by = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    snapshots = serializers.ListField(child=serializers.IntegerField(), required=False)


class ConsentPageSerializer(serializers.Serializer[Any]):
    """One page."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ConsentSerializer(many=True)


class ConsentQuerySerializer(serializers.Serializer[Any]):
    """Filters of the list."""

    patient_id = serializers.CharField(required=False, max_length=64)
    cursor = serializers.CharField(required=False)


class ConsentCollection(CollectionView):
    """What patients decided."""

    rights = {"GET": Right.VIEW_RESULTS, "POST": Right.REVIEW}

    @extend_schema(
        operation_id="consents_list",
        parameters=[ConsentQuerySerializer],
        responses={200: ConsentPageSerializer},
    )
    def get(self, request: Request) -> Response:
        """List recorded decisions, the last recorded first."""
        query = ConsentQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        filters: dict[str, Any] = dict(query.validated_data)
        consents = consents_visible_to(self.actor)
        if patient_id := filters.get("patient_id"):
            consents = consents.filter(patient__patient_id=patient_id)
        page = keyset_page(
            consents, fields=("id",), descending=True, cursor=filters.get("cursor"), size=PAGE_SIZE
        )
        return page_response(request, page, consent_representation)

    @extend_schema(request=ConsentInputSerializer, responses={201: ConsentSerializer, 400: ProblemSerializer})
    def post(self, request: Request) -> Response:
        """Record a decision; a withdrawal answers with the snapshots that used the patient's images."""
        given = ConsentInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        patient = patient_named(values, self.actor)
        consent = consent_record(patient=patient, actor=self.actor, **values)
        body = consent_representation(consent)
        if consent.decision == ResearchConsent.Decision.WITHDRAWN:
            body["snapshots"] = list(snapshots_with_patient(patient).values_list("pk", flat=True))
        return Response(body, status=status.HTTP_201_CREATED)


def consent_representation(consent: ResearchConsent) -> dict[str, Any]:
    """Represent a decision with the patient's identifier."""
    return {
        "id": consent.pk,
        "patient_id": consent.patient.patient_id,
        "issuer_of_patient_id": consent.patient.issuer_of_patient_id,
        "decision": consent.decision,
        "scope": consent.scope,
        "decided_on": consent.decided_on,
        "evidence": consent.evidence,
        "recorded_by": consent.recorded_by,
        "recorded_at": consent.recorded_at,
    }
