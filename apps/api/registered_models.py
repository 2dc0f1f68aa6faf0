"""`/api/v1/models/`: registered models and their versions, which come and go as archives."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.roles import Right
from apps.api.base import CollectionView, ObjectView
from apps.api.model_serializers import ArchiveUploadSerializer
from apps.api.problems import ProblemSerializer
from apps.api.serializers import ModelListSerializer, ModelVersionSerializer
from apps.core.responses import StreamedFileResponse
from apps.registry.gate import objections_to
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.selectors import versions_visible_to
from apps.registry.services import version_archive_open, version_import
from apps.registry.uploads import upload_on_disk


class ModelCollection(CollectionView):
    """All registered models."""

    rights = {"GET": Right.VIEW_MODELS, "POST": Right.TRAIN}
    parser_classes = (MultiPartParser,)

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

    @extend_schema(
        operation_id="models_import",
        request={"multipart/form-data": ArchiveUploadSerializer},
        responses={
            201: ModelVersionSerializer,
            200: OpenApiResponse(
                ModelVersionSerializer, description="The same bytes were registered before."
            ),
            400: OpenApiResponse(ProblemSerializer, description="The archive is refused, unopened."),
        },
    )
    def post(self, request: Request) -> Response:
        """Register the version in an archive; whoever sends it may not promote it."""
        upload = ArchiveUploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        with upload_on_disk(upload.validated_data["archive"]) as path:
            imported = version_import(archive=path, actor=self.actor, name=upload.validated_data["name"])
        return Response(
            version_representation(imported.version, request),
            status=status.HTTP_200_OK if imported.known else status.HTTP_201_CREATED,
        )


class ModelVersionObject(ObjectView):
    """One immutable version."""

    @extend_schema(responses={200: ModelVersionSerializer})
    def get(self, request: Request, name: str, number: int) -> Response:
        """Return all that is known about the version."""
        version = get_object_or_404(versions_visible_to(self.actor), model__name=name, number=number)
        return Response(version_representation(version, request))


class ModelVersionArchive(ObjectView):
    """A version as one file."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, name: str, number: int) -> StreamedFileResponse:
        """Return the version's archive, for `POST models/` of another installation."""
        actor = self.actor
        version = get_object_or_404(versions_visible_to(actor), model__name=name, number=number)
        return StreamedFileResponse(
            version_archive_open(version=version, actor=actor),
            as_attachment=True,
            filename=f"{name}-{number}.zip",
            content_type="application/zip",
        )


def version_representation(version: ModelVersion, request: Request) -> dict[str, Any]:
    """Represent all that is known of a version; `objections` are what the gate has against it."""
    return {
        **_summary(version, request),
        "model": version.model.name,
        "aliases": [alias.name for alias in version.aliases.all()],
        "labels": version.labels,
        "preprocessing_version": version.preprocessing_version,
        "operating_points": version.operating_points,
        "evaluation": version.evaluation,
        "audit": version.audit,
        "comparison": version.comparison,
        "objections": objections_to(version),
        "imported": version.imported,
        "lineage": version.lineage,
        "card": version.card,
        "created_by": version.created_by,
    }


def _summary(version: ModelVersion, request: Request) -> dict[str, Any]:
    return {
        "version": version.number,
        "sha256": version.sha256,
        "architecture": version.architecture,
        "created_at": version.created_at,
        "url": reverse("api:model-version", [version.model.name, version.number], request=request),
    }
