"""`/api/v1/training-runs/`: candidates being made."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.api.base import CollectionView, ObjectView
from apps.api.pagination import PAGE_SIZE, page_response
from apps.api.problems import ProblemSerializer
from apps.core.keyset import keyset_page
from apps.retraining.models import DatasetSnapshot, TrainingRun
from apps.retraining.requests import ARCHITECTURES, TrainingRequest
from apps.retraining.selectors.runs import manifest_paths, run_log, runs_visible_to
from apps.retraining.services.runs import run_cancel, run_start


class TrainingRunInputSerializer(serializers.Serializer[Any]):
    """What to train on and how; what is left out is chosen as `train_model` chooses it."""

    snapshot = serializers.PrimaryKeyRelatedField(
        queryset=DatasetSnapshot.objects.all(), required=False, allow_null=True
    )
    manifests = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, help_text="Names in CXR_MANIFESTS_DIR."
    )
    architecture = serializers.ChoiceField(ARCHITECTURES, default="compact_resnet")
    init = serializers.CharField(required=False, max_length=60, help_text="cxr:3 or cxr@champion")
    members = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    classes = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=40), min_length=1), required=False
    )
    epochs = serializers.IntegerField(required=False, min_value=0, max_value=1000)
    batch_size = serializers.IntegerField(required=False, min_value=1, max_value=1024)
    input_size = serializers.IntegerField(required=False, min_value=16, max_value=1024)
    learning_rate = serializers.FloatField(required=False, min_value=1e-8, max_value=10)
    optimizer = serializers.CharField(required=False, max_length=20)
    class_weights = serializers.DictField(child=serializers.FloatField(min_value=0), required=False)
    trainable_layers = serializers.IntegerField(required=False, min_value=1)
    preprocessing = serializers.CharField(required=False, max_length=500)
    crop = serializers.CharField(required=False, max_length=20)
    mixing = serializers.CharField(required=False, max_length=20)
    balance = serializers.FloatField(required=False, min_value=0, max_value=1)
    patience = serializers.IntegerField(required=False, min_value=1)
    int8 = serializers.BooleanField(required=False, source="quantise")
    folds = serializers.IntegerField(required=False, min_value=3, max_value=20)
    test_fold = serializers.IntegerField(required=False, min_value=0, max_value=19)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    cross_validate = serializers.BooleanField(required=False)


class TrainingProgressSerializer(serializers.Serializer[Any]):
    """The step that runs; `seconds_left` is an estimate for its stage."""

    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True)


class TrainingRunSerializer(serializers.Serializer[Any]):
    """One run; `history` has an object per epoch, `version` is null until a candidate is registered."""

    id = serializers.IntegerField()
    url = serializers.URLField()
    status = serializers.ChoiceField(TrainingRun.Status.choices)
    request = serializers.DictField()
    snapshot = serializers.IntegerField(allow_null=True)
    schedule = serializers.CharField(allow_null=True)
    requested_by = serializers.CharField()
    attempts = serializers.IntegerField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = TrainingProgressSerializer(allow_null=True)
    history = serializers.ListField(child=serializers.DictField(child=serializers.FloatField()))
    cross_validation = serializers.DictField()
    error = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True)
    version_url = serializers.URLField(allow_null=True)


class TrainingRunDetailSerializer(TrainingRunSerializer):
    """One run with the end of its log."""

    log = serializers.CharField(allow_blank=True)


class TrainingRunPageSerializer(serializers.Serializer[Any]):
    """A keyset page of runs."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = TrainingRunSerializer(many=True)


class TrainingRunQuerySerializer(serializers.Serializer[Any]):
    """Filters of the list."""

    status = serializers.ChoiceField(TrainingRun.Status.choices, required=False)
    cursor = serializers.CharField(required=False, max_length=500)


class TrainingRunCollection(CollectionView):
    """All training runs."""

    rights = {"GET": Right.TRAIN, "POST": Right.TRAIN}

    @extend_schema(
        operation_id="training_runs_list",
        parameters=[TrainingRunQuerySerializer],
        responses={200: TrainingRunPageSerializer},
    )
    def get(self, request: Request) -> Response:
        """List runs, newest first."""
        query = TrainingRunQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        filters: dict[str, Any] = dict(query.validated_data)
        runs = runs_visible_to(self.actor)
        if wanted := filters.get("status"):
            runs = runs.filter(status=wanted)
        page = keyset_page(
            runs, fields=("id",), descending=True, cursor=filters.get("cursor"), size=PAGE_SIZE
        )
        return page_response(request, page, lambda run: run_representation(run, request))

    @extend_schema(
        request=TrainingRunInputSerializer, responses={201: TrainingRunSerializer, 400: ProblemSerializer}
    )
    def post(self, request: Request) -> Response:
        """Queue a run; poll its address for how far it is."""
        given = TrainingRunInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        snapshot = values.pop("snapshot", None)
        values["manifests"] = [str(path) for path in manifest_paths(values.get("manifests", []))]
        run = run_start(
            request=TrainingRequest.from_json(values),
            snapshot=snapshot,
            actor=self.actor,
        )
        run.refresh_from_db()
        return Response(run_representation(run, request), status=status.HTTP_201_CREATED)


class TrainingRunObject(ObjectView):
    """One training run."""

    @extend_schema(responses={200: TrainingRunDetailSerializer})
    def get(self, request: Request, run_id: int) -> Response:
        """Return how far the run is, what every epoch measured, and the end of its log."""
        actor = self.actor
        return Response(_detail(get_object_or_404(runs_visible_to(actor), pk=run_id), actor, request))


class TrainingRunCancel(ObjectView):
    """The end of a run before its time."""

    @extend_schema(request=None, responses={200: TrainingRunDetailSerializer, 409: ProblemSerializer})
    def post(self, request: Request, run_id: int) -> Response:
        """Cancel a queued or running run; its trainer stops within seconds and keeps nothing."""
        actor = self.actor
        run = get_object_or_404(runs_visible_to(actor), pk=run_id)
        run_cancel(run=run, actor=actor)
        run.refresh_from_db()
        return Response(_detail(run, actor, request))


def _detail(run: TrainingRun, actor: Actor, request: Request) -> dict[str, Any]:
    return {**run_representation(run, request), "log": run_log(run, actor=actor)}


def run_representation(run: TrainingRun, request: Request) -> dict[str, Any]:
    """Represent a run; manifests are named by their files, not by where they lie on the server."""
    asked = TrainingRequest.from_json(run.request)
    version = run.version
    return {
        "id": run.pk,
        "url": reverse("api:training-run", [run.pk], request=request),
        "status": run.status,
        "request": {**run.request, "manifests": [path.name for path in asked.manifests]},
        "snapshot": run.snapshot_id,
        "schedule": run.schedule.name if run.schedule else None,
        "requested_by": run.requested_by,
        "attempts": run.attempts,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "progress": run.progress or None,
        "history": run.history,
        "cross_validation": run.cross_validation,
        "error": run.error or None,
        "version": str(version) if version else None,
        "version_url": (
            reverse("api:model-version", [version.model.name, version.number], request=request)
            if version
            else None
        ),
    }
