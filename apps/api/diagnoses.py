"""`/api/v1/diagnoses/`: results, retries and readers' verdicts."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.api.base import ObjectView
from apps.api.problems import ProblemSerializer
from apps.api.serializers import DiagnosisSerializer, ReviewInputSerializer, ReviewSerializer
from apps.audit.services import event_record
from apps.diagnosis.models import Diagnosis, Review
from apps.diagnosis.selectors import diagnoses_visible_to, diagnosis_result
from apps.diagnosis.services import diagnosis_retry, review_record


class DiagnosisObject(ObjectView):
    """One result."""

    @extend_schema(responses={200: DiagnosisSerializer})
    def get(self, request: Request, diagnosis_id: int) -> Response:
        """Return the result, or how far it is."""
        actor = self.actor
        diagnosis = get_object_or_404(diagnoses_visible_to(actor), pk=diagnosis_id)
        if diagnosis.status == Diagnosis.Status.COMPLETED and actor.may(Right.VIEW_RESULTS):
            # Polling for a result that is not there yet shows nothing, so it leaves no trace.
            event_record(
                action="viewed",
                actor=actor.name,
                actor_role=actor.role or "",
                source=actor.source,
                object_type="diagnosis",
                object_id=str(diagnosis.pk),
            )
        return Response(diagnosis_representation(diagnosis, actor, request))


class DiagnosisRetry(ObjectView):
    """A new attempt."""

    @extend_schema(request=None, responses={202: DiagnosisSerializer, 409: ProblemSerializer})
    def post(self, request: Request, diagnosis_id: int) -> Response:
        """Queue the image again; the new diagnosis supersedes this one."""
        actor = self.actor
        diagnosis = get_object_or_404(diagnoses_visible_to(actor), pk=diagnosis_id)
        actor.require(Right.REVIEW)
        newer = diagnosis_retry(diagnosis=diagnosis, actor=actor)
        return Response(diagnosis_representation(newer, actor, request), status=status.HTTP_202_ACCEPTED)


class ReviewCollection(ObjectView):
    """What readers said about one result."""

    @extend_schema(
        request=ReviewInputSerializer,
        responses={
            201: ReviewSerializer,
            400: ProblemSerializer,
            409: OpenApiResponse(ProblemSerializer, description="There is no completed result to review."),
        },
    )
    def post(self, request: Request, diagnosis_id: int) -> Response:
        """Record agreement, or a correction with the right finding."""
        actor = self.actor
        diagnosis = get_object_or_404(diagnoses_visible_to(actor), pk=diagnosis_id)
        actor.require(Right.REVIEW)
        verdict = ReviewInputSerializer(data=request.data)
        verdict.is_valid(raise_exception=True)
        review = review_record(diagnosis=diagnosis, actor=actor, **verdict.validated_data)
        return Response(review_representation(review), status=status.HTTP_201_CREATED)


def diagnosis_representation(diagnosis: Diagnosis, actor: Actor, request: Request) -> dict[str, Any]:
    """Represent a diagnosis as the contract's result, with ids, times and addresses."""
    uid = diagnosis.instance.sop_instance_uid
    body = diagnosis_result(diagnosis, actor=actor)
    images, results = actor.may(Right.VIEW_IMAGES), actor.may(Right.VIEW_RESULTS)
    rendered = reverse("api:instance-rendered", [uid], request=request)
    return {
        "id": diagnosis.pk,
        "study_instance_uid": diagnosis.instance.series.study.study_instance_uid,
        "attempts": diagnosis.attempts,
        "queued_at": diagnosis.queued_at,
        "started_at": diagnosis.started_at,
        "finished_at": diagnosis.finished_at,
        "superseded_by": diagnosis.superseded_by_id,
        **body,
        "operating_points": {
            finding.label: finding.operating_point for finding in diagnosis.findings.all() if results
        },
        "error": (diagnosis.error or None) if results else None,
        "file": reverse("api:instance-file", [uid], request=request) if images else None,
        "saliency": {label: f"{rendered}?saliency={label}" for label in body["saliency"]} if images else {},
        "reviews": [review_representation(review) for review in diagnosis.reviews.all() if results],
    }


def review_representation(review: Review) -> dict[str, Any]:
    """Represent a verdict; the reviewer is named by e-mail address."""
    return {
        "id": review.pk,
        "reviewer": review.reviewer.email,
        "verdict": review.verdict,
        "label": review.label,
        "comment": review.comment,
        "created_at": review.created_at,
    }
