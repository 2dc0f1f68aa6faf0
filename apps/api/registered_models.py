"""`/api/v1/models/`: registered models and their versions."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.roles import Right
from apps.api.base import CollectionView, ObjectView
from apps.api.serializers import ModelListSerializer, ModelVersionSerializer
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.selectors import versions_visible_to


class ModelCollection(CollectionView):
    """All registered models."""

    rights = {"GET": Right.VIEW_MODELS}

    @extend_schema(operation_id="models_list", responses={200: ModelListSerializer})
    def get(self, request: Request) -> Response:
        """List models with their versions, newest first, and aliases."""
        models = RegisteredModel.objects.prefetch_related("versions__model", "aliases__version").order_by(
            "name"
        )
        return Response(
            {
                "results": [
                    {
                        "name": model.name,
                        "description": model.description,
                        "aliases": [
                            {"name": alias.name, "version": alias.version.number}
                            for alias in model.aliases.all()
                        ],
                        "versions": [_summary(version, request) for version in model.versions.all()],
                    }
                    for model in models
                ]
            }
        )


class ModelVersionObject(ObjectView):
    """One immutable version."""

    @extend_schema(responses={200: ModelVersionSerializer})
    def get(self, request: Request, name: str, number: int) -> Response:
        """Return all that is known about the version."""
        version = get_object_or_404(versions_visible_to(self.actor), model__name=name, number=number)
        return Response(
            {
                **_summary(version, request),
                "model": version.model.name,
                "aliases": [alias.name for alias in version.aliases.all()],
                "labels": version.labels,
                "preprocessing_version": version.preprocessing_version,
                "operating_points": version.operating_points,
                "evaluation": version.evaluation,
                "audit": version.audit,
                "lineage": version.lineage,
                "card": version.card,
                "created_by": version.created_by,
            }
        )


def _summary(version: ModelVersion, request: Request) -> dict[str, Any]:
    return {
        "version": version.number,
        "sha256": version.sha256,
        "architecture": version.architecture,
        "created_at": version.created_at,
        "url": reverse("api:model-version", [version.model.name, version.number], request=request),
    }
