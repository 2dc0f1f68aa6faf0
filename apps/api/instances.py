"""`/api/v1/instances/`: image objects, as they came and as pictures."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from PIL import Image
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.roles import Right
from apps.api.base import ObjectView
from apps.api.problems import ProblemSerializer
from apps.api.serializers import InstanceSerializer
from apps.api.studies import diagnosis_reference
from apps.audit.services import event_record
from apps.core.responses import StreamedFileResponse
from apps.diagnosis.models import Finding
from apps.diagnosis.selectors import current_diagnosis
from apps.studies.models import Instance
from apps.studies.objects import object_open
from apps.studies.selectors import instances_visible_to
from apps.studies.services.rendering import instance_render

MEDIA_TYPES = {
    Instance.FileFormat.DICOM: ("application/dicom", "dcm"),
    Instance.FileFormat.PNG: ("image/png", "png"),
    Instance.FileFormat.JPEG: ("image/jpeg", "jpg"),
}


class WindowField(serializers.CharField):
    """`CENTER,WIDTH` in the image's own units after the modality LUT."""

    def to_internal_value(self, data: Any) -> Any:
        """Return (center, width)."""
        try:
            center, width = (float(part) for part in str(super().to_internal_value(data)).split(","))
        except ValueError:
            raise serializers.ValidationError("Expected two numbers: CENTER,WIDTH.") from None
        if not (abs(center) < 1e9 and 1 <= width < 1e9):
            raise serializers.ValidationError("Expected a finite center and a width of at least 1.")
        return center, width


class RenderingQuerySerializer(serializers.Serializer[Any]):
    """How to draw an image."""

    window = WindowField(required=False, help_text="CENTER,WIDTH after the modality LUT")
    invert = serializers.BooleanField(default=False)
    saliency = serializers.CharField(required=False, max_length=40, help_text="A finding to lay over it")


class InstanceObject(ObjectView):
    """One image object."""

    @extend_schema(responses={200: InstanceSerializer})
    def get(self, request: Request, sop_instance_uid: str) -> Response:
        """Describe the object and name its current diagnosis."""
        instance = self._instance(sop_instance_uid)
        self._record("viewed", instance)
        uid = [instance.sop_instance_uid]
        return Response(
            {
                "sop_instance_uid": instance.sop_instance_uid,
                "series_instance_uid": instance.series.series_instance_uid,
                "study_instance_uid": instance.series.study.study_instance_uid,
                "sop_class_uid": instance.sop_class_uid,
                "transfer_syntax_uid": instance.transfer_syntax_uid,
                "file_format": instance.file_format,
                "modality": instance.series.modality,
                "view_position": instance.view_position,
                "rows": instance.rows,
                "columns": instance.columns,
                "size": instance.size,
                "sha256": instance.sha256,
                "received_at": instance.received_at,
                "file": reverse("api:instance-file", uid, request=request),
                "rendered": reverse("api:instance-rendered", uid, request=request),
                "diagnosis": diagnosis_reference(current_diagnosis(instance)),
            }
        )

    def _instance(self, sop_instance_uid: str) -> Instance:
        visible = instances_visible_to(self.actor).select_related("series__study")
        return get_object_or_404(visible, sop_instance_uid=sop_instance_uid)

    def _record(self, action: str, instance: Instance) -> None:
        actor = self.actor
        event_record(
            action=action,
            actor=actor.name,
            actor_role=actor.role or "",
            source=actor.source,
            object_type="instance",
            object_id=str(instance.pk),
        )


class InstanceFile(InstanceObject):
    """The stored file, byte for byte."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, sop_instance_uid: str) -> StreamedFileResponse:  # type: ignore[override]  # no DRF Response
        """Return the file as an attachment; browsers never open it in place."""
        instance = self._instance(sop_instance_uid)
        self._record("downloaded", instance)
        media_type, suffix = MEDIA_TYPES[Instance.FileFormat(instance.file_format)]
        return StreamedFileResponse(
            object_open(instance.storage_key),
            as_attachment=True,
            filename=f"instance-{instance.pk}.{suffix}",
            content_type=media_type,
        )


class InstanceRendered(InstanceObject):
    """The image as a picture."""

    @extend_schema(
        parameters=[RenderingQuerySerializer],
        responses={
            (200, "image/png"): OpenApiTypes.BINARY,
            404: ProblemSerializer,
            422: OpenApiResponse(ProblemSerializer, description="The object's pixels cannot be drawn."),
        },
    )
    def get(self, request: Request, sop_instance_uid: str) -> HttpResponse:  # type: ignore[override]  # no DRF Response
        """Draw the image with a window, inverted, or with one finding's saliency over it."""
        query = RenderingQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        options = query.validated_data
        instance = self._instance(sop_instance_uid)
        overlay_key = ""
        if label := options.get("saliency"):
            self.actor.require(Right.VIEW_RESULTS)
            overlay_key = self._saliency_key(instance, label)
        png = instance_render(instance=instance, window=options.get("window"), invert=options["invert"])
        if overlay_key:
            png = _laid_over(png, overlay_key)
        self._record("viewed", instance)
        return HttpResponse(png, content_type="image/png", headers={"Cache-Control": "private, no-store"})

    def _saliency_key(self, instance: Instance, label: str) -> str:
        diagnosis = current_diagnosis(instance)
        finding = Finding.objects.filter(diagnosis=diagnosis, label=label).exclude(saliency_key="").first()
        if finding is None:
            raise Http404
        return finding.saliency_key


def _laid_over(png: bytes, overlay_key: str) -> bytes:
    """Lay a stored saliency map over a rendering; both pictures are our own, so Pillow may open them here."""
    with object_open(overlay_key) as file:
        overlay = Image.open(file).convert("RGBA")
    image = Image.open(BytesIO(png)).convert("RGBA")
    image.alpha_composite(overlay if overlay.size == image.size else overlay.resize(image.size))
    composed = BytesIO()
    image.convert("RGB").save(composed, "PNG", compress_level=1)
    return composed.getvalue()
