"""`/api/v1/snapshots/`: frozen, de-identified data sets."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.roles import Right
from apps.api.base import CollectionView, ObjectView
from apps.api.pagination import PAGE_SIZE, page_response
from apps.api.problems import ProblemSerializer
from apps.core.keyset import keyset_page
from apps.retraining.models import DatasetSnapshot, ResearchConsent
from apps.retraining.selectors import snapshots_visible_to
from apps.retraining.selectors.runs import manifest_paths
from apps.retraining.services import snapshot_request


class SnapshotInputSerializer(serializers.Serializer[Any]):
    """What to freeze: the site's consented, labelled images of that moment, and manifests."""

    name = serializers.CharField(max_length=100)
    manifests = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        help_text="Names in CXR_MANIFESTS_DIR.",
    )
    consent_scope = serializers.ChoiceField(
        ResearchConsent.Scope.choices, required=False, default=ResearchConsent.Scope.SITE
    )
    folds = serializers.IntegerField(required=False, default=5, min_value=2, max_value=20)
    seed = serializers.IntegerField(required=False, default=20, min_value=0, max_value=2**31 - 1)


class SnapshotProgressSerializer(serializers.Serializer[Any]):
    """The step that runs."""

    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class SnapshotSerializer(serializers.Serializer[Any]):
    """One data set; `sha256` is null until it is completed."""

    id = serializers.IntegerField()
    url = serializers.URLField()
    name = serializers.CharField()
    status = serializers.ChoiceField(DatasetSnapshot.Status.choices)
    progress = SnapshotProgressSerializer(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    images = serializers.IntegerField()
    consent_scope = serializers.ChoiceField(ResearchConsent.Scope.choices)
    laboratory_days = serializers.IntegerField()
    folds = serializers.IntegerField()
    seed = serializers.IntegerField()
    requested_by = serializers.CharField()
    queued_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class SnapshotDetailSerializer(SnapshotSerializer):
    """One data set with the report on it: counts, copies, leakage, and what was left out."""

    report = serializers.DictField()


class SnapshotPageSerializer(serializers.Serializer[Any]):
    """A keyset page of data sets."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SnapshotSerializer(many=True)


class SnapshotQuerySerializer(serializers.Serializer[Any]):
    """Filters of the list."""

    status = serializers.ChoiceField(DatasetSnapshot.Status.choices, required=False)
    cursor = serializers.CharField(required=False, max_length=500)


class SnapshotCollection(CollectionView):
    """All data sets."""

    rights = {"GET": Right.VIEW_DATASETS, "POST": Right.TRAIN}

    @extend_schema(
        operation_id="snapshots_list",
        parameters=[SnapshotQuerySerializer],
        responses={200: SnapshotPageSerializer},
    )
    def get(self, request: Request) -> Response:
        """List data sets, newest first."""
        query = SnapshotQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        filters: dict[str, Any] = dict(query.validated_data)
        snapshots = snapshots_visible_to(self.actor)
        if wanted := filters.get("status"):
            snapshots = snapshots.filter(status=wanted)
        page = keyset_page(
            snapshots, fields=("id",), descending=True, cursor=filters.get("cursor"), size=PAGE_SIZE
        )
        return page_response(request, page, lambda snapshot: snapshot_representation(snapshot, request))

    @extend_schema(
        request=SnapshotInputSerializer, responses={201: SnapshotSerializer, 400: ProblemSerializer}
    )
    def post(self, request: Request) -> Response:
        """Queue a data set; poll its address for how far it is."""
        given = SnapshotInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        manifests = manifest_paths(values.pop("manifests"))
        snapshot = snapshot_request(manifests=manifests, actor=self.actor, **values)
        snapshot.refresh_from_db()
        return Response(snapshot_representation(snapshot, request), status=status.HTTP_201_CREATED)


class SnapshotObject(ObjectView):
    """One data set."""

    @extend_schema(responses={200: SnapshotDetailSerializer})
    def get(self, request: Request, snapshot_id: int) -> Response:
        """Return how far it is, or the report on it."""
        snapshot = get_object_or_404(snapshots_visible_to(self.actor), pk=snapshot_id)
        return Response({**snapshot_representation(snapshot, request), "report": snapshot.report})


def snapshot_representation(snapshot: DatasetSnapshot, request: Request) -> dict[str, Any]:
    """Represent a data set without its images: those are the trainer's."""
    return {
        "id": snapshot.pk,
        "url": reverse("api:snapshot", [snapshot.pk], request=request),
        "name": snapshot.name,
        "status": snapshot.status,
        "progress": snapshot.progress or None,
        "sha256": snapshot.sha256 or None,
        "images": snapshot.image_count,
        "consent_scope": snapshot.consent_scope,
        "laboratory_days": snapshot.laboratory_days,
        "folds": snapshot.folds,
        "seed": snapshot.seed,
        "requested_by": snapshot.requested_by,
        "queued_at": snapshot.queued_at,
        "finished_at": snapshot.finished_at,
        "error": snapshot.error or None,
    }
