"""The reading page: one study, its image, its result, and what a reader says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import NotPermittedError, PermanentError
from apps.diagnosis import selectors, services
from apps.diagnosis.models import Diagnosis, Review, WorklistEntry
from apps.portal import results, worklist
from apps.portal.access import is_live_poll, page, template_rights
from apps.portal.forms import CorrectionForm, WorklistFilterForm
from apps.portal.trend import Trend, trend_of
from apps.studies.models import Instance
from apps.studies.selectors import instances_visible_to

EARLIER_STUDIES = 8


@dataclass(frozen=True, slots=True)
class Image:
    """One instance of the study and its current diagnosis."""

    instance: Instance
    diagnosis: Diagnosis | None


@page(Right.VIEW_STATUS, hidden=True)
@require_safe
def reading(request: HttpRequest, actor: Actor, study_id: int) -> HttpResponse:
    """Show a study; `?image=` chooses another of its instances."""
    entry = _entry(actor, study_id)
    images = _images(actor, study_id)
    image = _chosen(images, entry, request.GET.get("image"))
    if not is_live_poll(request):
        event_record(
            action="viewed",
            actor=actor.name,
            actor_role=actor.role or "",
            source=actor.source,
            object_type="study",
            object_id=str(study_id),
        )
    context = _context(request, actor, entry=entry, images=images, image=image)
    return render(request, "portal/reading.html", context)


@page(Right.VIEW_STATUS, hidden=True)
@require_safe
def study_of_uid(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Lead from a Study Instance UID, which the upload page gets, to the study's page."""
    entry = selectors.worklist_entry(actor=actor, study_instance_uid=request.GET.get("uid", ""))
    if entry is None:
        raise Http404
    return redirect("portal:reading", entry.study_id)


@page(Right.VIEW_STATUS, hidden=True)
@require_safe
def state(request: HttpRequest, actor: Actor, study_id: int) -> HttpResponse:
    """Answer the page's poll: nothing while all is as it was, else “load yourself again”."""
    entry = _entry(actor, study_id)
    image = _chosen(_images(actor, study_id), entry, request.GET.get("image"))
    response = HttpResponse(status=204)
    if _state_token(image) != request.GET.get("seen"):
        response["HX-Refresh"] = "true"
    return response


@page(Right.REVIEW, hidden=True)
@require_POST
def review(request: HttpRequest, actor: Actor, diagnosis_id: int) -> HttpResponse:
    """Record a reader's agreement or correction, and return to the study."""
    diagnosis = _diagnosis(actor, diagnosis_id)
    verdict = request.POST.get("verdict")
    if verdict == Review.Verdict.DISAGREE:
        form = CorrectionForm(request.POST, labels=results.vocabulary_of(diagnosis))
        if not form.is_valid():
            messages.error(request, "Choose the finding that you see.")
            return _back_to(request, diagnosis)
        label, comment = form.cleaned_data["label"], form.cleaned_data["comment"]
    else:
        verdict, label, comment = Review.Verdict.AGREE, "", ""
    try:
        services.review_record(
            diagnosis=diagnosis, actor=actor, verdict=verdict, label=label, comment=comment
        )
    except NotPermittedError:
        raise
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, "Your agreement is recorded." if verdict == "agree" else "Your correction is recorded."
        )
    return _back_to(request, diagnosis)


@page(hidden=True)
@require_POST
def retry(request: HttpRequest, actor: Actor, diagnosis_id: int) -> HttpResponse:
    """Queue a failed diagnosis again."""
    diagnosis = _diagnosis(actor, diagnosis_id)
    try:
        services.diagnosis_retry(diagnosis=diagnosis, actor=actor)
    except NotPermittedError:
        raise
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Queued again; the result appears here by itself.")
    return _back_to(request, diagnosis)


def _entry(actor: Actor, study_id: int) -> WorklistEntry:
    entry = selectors.worklist(actor=actor).filter(study_id=study_id).first()
    if entry is None:
        raise Http404
    return entry


def _diagnosis(actor: Actor, diagnosis_id: int) -> Diagnosis:
    diagnosis = selectors.diagnoses_visible_to(actor).filter(pk=diagnosis_id).first()
    if diagnosis is None:
        raise Http404
    return diagnosis


def _back_to(request: HttpRequest, diagnosis: Diagnosis) -> HttpResponse:
    address = reverse("portal:reading", args=[diagnosis.instance.series.study_id])
    query = request.GET.copy()
    query["image"] = str(diagnosis.instance_id)
    return redirect(f"{address}?{query.urlencode()}")


def _images(actor: Actor, study_id: int) -> list[Image]:
    instances = list(
        instances_visible_to(actor).filter(series__study_id=study_id).select_related("series").order_by("pk")
    )
    current = selectors.diagnoses_visible_to(actor).filter(instance__in=instances, current=True)
    by_instance = {diagnosis.instance_id: diagnosis for diagnosis in current}
    return [Image(instance, by_instance.get(instance.pk)) for instance in instances]


def _chosen(images: list[Image], entry: WorklistEntry, wanted: str | None) -> Image:
    """Return the instance asked for, else the one behind the study's headline, else the first."""
    for image in images:
        if wanted is not None and str(image.instance.pk) == wanted:
            return image
    if wanted is not None or not images:
        raise Http404
    for image in images:
        if image.diagnosis is not None and image.diagnosis.pk == entry.headline_id:
            return image
    return images[0]


def _state_token(image: Image) -> str:
    diagnosis = image.diagnosis
    return f"{diagnosis.pk}-{diagnosis.status}" if diagnosis else "none"


def _context(
    request: HttpRequest, actor: Actor, *, entry: WorklistEntry, images: list[Image], image: Image
) -> dict[str, Any]:
    rights = template_rights(actor)
    search = worklist.search_from(actor, _search_parameters(request))
    context: dict[str, Any] = {
        **rights,
        "entry": entry,
        "study": entry.study,
        "patient": entry.study.patient,
        "images": images,
        "image": image,
        "diagnosis": image.diagnosis,
        "state_token": _state_token(image),
        "search": search,
        "neighbours": worklist.neighbours_of(entry, actor=actor, search=search),
        "retries": actor.may(Right.REVIEW) or actor.may(Right.CONFIGURE),
        "earlier": earlier_studies(actor, entry),
    }
    if image.diagnosis is not None:
        context["refusals"] = results.refusals_of(image.diagnosis)
        if rights["sees_results"]:
            context |= _result_context(image.diagnosis)
    if rights["sees_results"]:
        context["trend"] = _trend(entry, context["earlier"])
    return context


def _search_parameters(request: HttpRequest) -> dict[str, Any]:
    form = WorklistFilterForm(request.GET)
    form.is_valid()
    return {**form.cleaned_data, "view": request.GET.get("view")}


def _result_context(diagnosis: Diagnosis) -> dict[str, Any]:
    lines = results.lines_of(diagnosis)
    completed = diagnosis.status == Diagnosis.Status.COMPLETED
    reviews = list(diagnosis.reviews.all())
    return {
        "lines": lines,
        "answer": results.answer_of(diagnosis, lines) if completed else None,
        "limits": results.limits_of(diagnosis) if completed else list(diagnosis.warnings),
        "evidence": [line for line in lines if line.has_saliency],
        "reviews": reviews,
        "correction": CorrectionForm(labels=results.vocabulary_of(diagnosis)) if completed else None,
        "took_seconds": results.took_seconds(diagnosis),
    }


def earlier_studies(actor: Actor, entry: WorklistEntry) -> list[WorklistEntry]:
    """Return the patient's other studies, newest first."""
    return list(
        selectors.worklist(actor=actor)
        .filter(study__patient_id=entry.study.patient_id)
        .exclude(pk=entry.pk)
        .order_by("-received_at")[:EARLIER_STUDIES]
    )


def _trend(entry: WorklistEntry, earlier: list[WorklistEntry]) -> Trend | None:
    return trend_of([*earlier, entry])
