"""Pictures behind the sign-in: never an address of the object storage, and every look is logged."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.responses import StreamedFileResponse
from apps.diagnosis.selectors import diagnoses_visible_to
from apps.portal.access import page
from apps.portal.forms import RenderingForm
from apps.studies.models import Instance
from apps.studies.objects import object_open
from apps.studies.selectors import instances_visible_to
from apps.studies.services.rendering import NotRenderableError, instance_render

PNG = "image/png"
MEDIA_TYPES = {
    Instance.FileFormat.DICOM: ("application/dicom", "dcm"),
    Instance.FileFormat.PNG: (PNG, "png"),
    Instance.FileFormat.JPEG: ("image/jpeg", "jpg"),
}


@page(Right.VIEW_IMAGES, hidden=True)
@require_safe
def picture(request: HttpRequest, actor: Actor, instance_id: int) -> HttpResponseBase:
    """Show the worker's preview, or draw anew where a window is asked for or no preview is stored yet."""
    instance = _instance(actor, instance_id)
    form = RenderingForm(request.GET)
    if not form.is_valid():
        return HttpResponse(
            "Expected ?window=CENTER,WIDTH in the image's own units.", status=400, content_type="text/plain"
        )
    window, invert = form.cleaned_data["window"], form.cleaned_data["invert"]
    _record(actor, "viewed", instance)
    if instance.preview_key and window is None and not invert:
        return _stored(instance.preview_key)
    try:
        drawn = instance_render(instance=instance, window=window, invert=invert)
    except NotRenderableError as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(drawn, content_type=PNG)


@page(Right.VIEW_IMAGES, hidden=True)
@require_safe
def original(request: HttpRequest, actor: Actor, instance_id: int) -> HttpResponseBase:
    """Hand out the stored file, byte for byte, as an attachment under a name that says nothing."""
    instance = _instance(actor, instance_id)
    _record(actor, "downloaded", instance)
    media_type, suffix = MEDIA_TYPES[Instance.FileFormat(instance.file_format)]
    return StreamedFileResponse(
        object_open(instance.storage_key),
        as_attachment=True,
        filename=f"instance-{instance.pk}.{suffix}",
        content_type=media_type,
    )


@page(Right.VIEW_RESULTS, hidden=True)
@require_safe
def saliency(request: HttpRequest, actor: Actor, finding_id: int) -> HttpResponseBase:
    """Show where one finding's evidence lies: a transparent layer without the patient's image."""
    visible = diagnoses_visible_to(actor).filter(findings=finding_id)
    key = visible.values_list("findings__saliency_key", flat=True).first()
    if not key:
        raise Http404
    return _stored(key)


@page(Right.VIEW_RESULTS, hidden=True)
@require_safe
def lungs(request: HttpRequest, actor: Actor, diagnosis_id: int) -> HttpResponseBase:
    """Show where the model found the lungs: a transparent outline."""
    diagnosis = diagnoses_visible_to(actor).filter(pk=diagnosis_id).first()
    if diagnosis is None or not diagnosis.lung_outline_key:
        raise Http404
    return _stored(diagnosis.lung_outline_key)


def _instance(actor: Actor, instance_id: int) -> Instance:
    instance = instances_visible_to(actor).filter(pk=instance_id).first()
    if instance is None:
        raise Http404
    return instance


def _stored(key: str) -> HttpResponse:
    try:
        with object_open(key) as file:
            return HttpResponse(file.read(), content_type=PNG)
    except FileNotFoundError as error:
        raise Http404 from error


def _record(actor: Actor, action: str, instance: Instance) -> None:
    event_record(
        action=action,
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="instance",
        object_id=str(instance.pk),
    )
