"""`/api/v1/learning-queue/`: images whose reading would teach a model most."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.roles import Right
from apps.api.base import CollectionView
from apps.retraining.selectors import WorthReading, learning_queue

MOST = 200


class LearningQuerySerializer(serializers.Serializer[Any]):
    """How many."""

    count = serializers.IntegerField(required=False, default=50, min_value=1, max_value=MOST)


class WorthReadingSerializer(serializers.Serializer[Any]):
    """An image and why its reading would teach."""

    diagnosis = serializers.IntegerField()
    url = serializers.URLField()
    study_instance_uid = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF takes declared fields out of the class
    score = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField())


class LearningQueueSerializer(serializers.Serializer[Any]):
    """The queue, best first; `without_consent` counts what would be there if patients had agreed."""

    results = WorthReadingSerializer(many=True)
    without_consent = serializers.IntegerField()


class LearningQueueCollection(CollectionView):
    """Images worth a review."""

    rights = {"GET": Right.REVIEW}

    @extend_schema(
        operation_id="learning_queue_list",
        parameters=[LearningQuerySerializer],
        responses={200: LearningQueueSerializer},
    )
    def get(self, request: Request) -> Response:
        """List the images whose reading would teach most."""
        query = LearningQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        queue = learning_queue(actor=self.actor, count=query.validated_data["count"])
        return Response(
            {
                "results": [_representation(one, request) for one in queue.images],
                "without_consent": queue.without_consent,
            }
        )


def _representation(one: WorthReading, request: Request) -> dict[str, Any]:
    instance = one.diagnosis.instance
    return {
        "diagnosis": one.diagnosis.pk,
        "url": reverse("api:diagnosis", [one.diagnosis.pk], request=request),
        "study_instance_uid": instance.series.study.study_instance_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "label": one.diagnosis.label,
        "score": round(one.score, 3),
        "reasons": list(one.reasons),
    }
