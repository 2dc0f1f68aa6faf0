"""`/api/v1/studies/`: send images, list and read studies."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.api.base import CollectionView, ObjectView
from apps.api.pagination import PAGE_SIZE, page_response
from apps.api.problems import ProblemSerializer
from apps.api.serializers import (
    StudyPageSerializer,
    StudyQuerySerializer,
    StudySerializer,
    UploadResultSerializer,
    UploadSerializer,
)
from apps.audit.services import event_record
from apps.core.keyset import keyset_page
from apps.diagnosis.models import Diagnosis, WorklistEntry
from apps.diagnosis.selectors import worklist, worklist_entry, worklist_item, worklist_keyset
from apps.studies.models import Instance, Received
from apps.studies.services.errors import ObjectTooLargeError
from apps.studies.services.ingest import IngestResult, object_ingest


class StudyCollection(CollectionView):
    """The studies that the caller may see."""

    rights = {"GET": Right.VIEW_STATUS, "POST": Right.UPLOAD}
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="studies_list", parameters=[StudyQuerySerializer], responses={200: StudyPageSerializer}
    )
    def get(self, request: Request) -> Response:
        """List studies, most urgent first unless another ordering is asked for."""
        query = StudyQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        filters: dict[str, Any] = dict(query.validated_data)
        actor, cursor = self.actor, filters.pop("cursor", None)
        fields, descending = worklist_keyset(actor=actor, ordering=filters["ordering"])
        entries = worklist(actor=actor, **filters).prefetch_related("study__series__instances")
        page = keyset_page(entries, fields=fields, descending=descending, cursor=cursor, size=PAGE_SIZE)
        current = current_diagnoses(*page.items)
        return page_response(request, page, lambda entry: study_representation(entry, current))

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={
            201: UploadResultSerializer,
            200: OpenApiResponse(UploadResultSerializer, description="Every file was already known."),
            409: OpenApiResponse(UploadResultSerializer, description="Every file conflicts with a kept one."),
            400: OpenApiResponse(UploadResultSerializer, description="No file could be kept as an image."),
            507: OpenApiResponse(ProblemSerializer, description="No space; nothing was acknowledged."),
        },
    )
    def post(self, request: Request) -> Response:
        """Ingest files; what is acknowledged here is on disk and in the database."""
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        actor = self.actor
        door = Received.Door.API if request.auth else Received.Door.UPLOAD
        results = [(file.name, _ingest(file, door, actor)) for file in upload.validated_data["files"]]
        return Response(_upload_body(results), status=_upload_status({r.outcome for _, r in results}))


class StudyObject(ObjectView):
    """One study."""

    @extend_schema(responses={200: StudySerializer})
    def get(self, request: Request, study_instance_uid: str) -> Response:
        """Return the study's headline and images."""
        actor = self.actor
        entry = worklist_entry(actor=actor, study_instance_uid=study_instance_uid)
        if entry is None:
            raise Http404
        event_record(
            action="viewed",
            actor=actor.name,
            actor_role=actor.role or "",
            source=actor.source,
            object_type="study",
            object_id=str(entry.study_id),
        )
        return Response(study_representation(entry, current_diagnoses(entry)))


def _ingest(file: UploadedFile[bytes], door: Received.Door, actor: Actor) -> IngestResult:
    try:
        return object_ingest(
            source=cast(BinaryIO, file.file),
            door=door,
            sender=str(actor.user_id),
            actor=actor.name,
            file_name=file.name or "",
        )
    except ObjectTooLargeError as error:
        return IngestResult("quarantined", None, "too_large", str(error))


def current_diagnoses(*entries: WorklistEntry) -> dict[int, Diagnosis]:
    """Map each instance of these studies to its current diagnosis, in one query."""
    studies = [entry.study_id for entry in entries]
    found = Diagnosis.objects.current().filter(instance__series__study__in=studies).order_by("id")
    return {diagnosis.instance_id: diagnosis for diagnosis in found}


def diagnosis_reference(diagnosis: Diagnosis | None) -> dict[str, Any] | None:
    """Represent a diagnosis by its id and status."""
    return None if diagnosis is None else {"id": diagnosis.pk, "status": diagnosis.status}


def study_representation(entry: WorklistEntry, current: dict[int, Diagnosis]) -> dict[str, Any]:
    """Represent a study; the selector has blanked what its reader may not see."""
    return {
        **worklist_item(entry),
        "instances": [
            {
                "sop_instance_uid": instance.sop_instance_uid,
                "series_instance_uid": series.series_instance_uid,
                "diagnosis": diagnosis_reference(current.get(instance.pk)),
            }
            for series in entry.study.series.all()
            for instance in series.instances.all()
        ],
    }


def _upload_status(outcomes: set[str]) -> int:
    """Choose the answer: 201 if any was kept, else 200 if any was known, 409 if conflict, 400."""
    for outcome, answer in (
        ("stored", status.HTTP_201_CREATED),
        ("known", status.HTTP_200_OK),
        ("conflict", status.HTTP_409_CONFLICT),
    ):
        if outcome in outcomes:
            return answer
    return status.HTTP_400_BAD_REQUEST


def _upload_body(results: list[tuple[str, IngestResult]]) -> dict[str, Any]:
    kept = [(name, result) for name, result in results if result.outcome in ("stored", "known")]
    current = {
        diagnosis.instance_id: diagnosis
        for diagnosis in Diagnosis.objects.current().filter(
            instance__in=[result.instance for _, result in kept if result.instance]
        )
    }
    return {
        "instances": [
            _uploaded(name, result.instance, result.outcome == "known", current)
            for name, result in kept
            if result.instance
        ],
        "errors": [
            {"file": name, "code": result.code, "detail": result.detail}
            for name, result in results
            if result.outcome not in ("stored", "known")
        ],
    }


def _uploaded(name: str, instance: Instance, known: bool, current: dict[int, Diagnosis]) -> dict[str, Any]:
    return {
        "file": name,
        "study_instance_uid": instance.series.study.study_instance_uid,
        "series_instance_uid": instance.series.series_instance_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "known": known,
        "diagnosis": diagnosis_reference(current.get(instance.pk)),
    }
