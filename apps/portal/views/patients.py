"""What is known of a patient beside the images: consent to research and the laboratory's results."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import NotPermittedError, PermanentError
from apps.portal.access import page, template_rights
from apps.portal.dataset_forms import ConsentForm, LaboratoryResultForm
from apps.retraining.selectors import (
    consents_visible_to,
    laboratory_results_visible_to,
    snapshots_with_patient,
)
from apps.retraining.services import consent_record, laboratory_result_record
from apps.studies.models import Patient
from apps.studies.selectors import patients_visible_to, studies_visible_to

SHOWN = 20


@page(Right.VIEW_RESULTS, hidden=True)
@require_safe
def records(request: HttpRequest, actor: Actor, patient_id: int) -> HttpResponse:
    """Show a patient's decisions and laboratory results, and the forms for more."""
    patient = _patient(actor, patient_id)
    event_record(
        action="viewed",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="patient",
        object_id=str(patient.pk),
    )
    return _page(request, actor, patient, ConsentForm(), LaboratoryResultForm())


@page(Right.REVIEW, hidden=True)
@require_POST
def consent(request: HttpRequest, actor: Actor, patient_id: int) -> HttpResponse:
    """Record a decision, and return to the patient."""
    patient = _patient(actor, patient_id)
    form = ConsentForm(request.POST)
    if form.is_valid():
        try:
            consent_record(patient=patient, actor=actor, **form.cleaned_data)
        except NotPermittedError:
            raise
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The decision is recorded. It counts from the next data set on.")
            return redirect("portal:patient_records", patient.pk)
    return _page(request, actor, patient, form, LaboratoryResultForm())


@page(Right.REVIEW, hidden=True)
@require_POST
def laboratory_result(request: HttpRequest, actor: Actor, patient_id: int) -> HttpResponse:
    """Record a laboratory result, and return to the patient."""
    patient = _patient(actor, patient_id)
    form = LaboratoryResultForm(request.POST)
    if form.is_valid():
        try:
            laboratory_result_record(patient=patient, actor=actor, **form.cleaned_data)
        except NotPermittedError:
            raise
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The result is recorded.")
            return redirect("portal:patient_records", patient.pk)
    return _page(request, actor, patient, ConsentForm(), form)


def _patient(actor: Actor, patient_id: int) -> Patient:
    found = patients_visible_to(actor).filter(pk=patient_id).first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest,
    actor: Actor,
    patient: Patient,
    consent_form: ConsentForm,
    laboratory_form: LaboratoryResultForm,
) -> HttpResponse:
    consents = list(consents_visible_to(actor).filter(patient=patient)[:SHOWN])
    context = {
        **template_rights(actor),
        "patient": patient,
        "studies": studies_visible_to(actor).filter(patient=patient).order_by("-received_at")[:SHOWN],
        "consents": consents,
        "in_force": consents[0] if consents else None,
        "snapshots": snapshots_with_patient(patient),
        "laboratory_results": laboratory_results_visible_to(actor).filter(patient=patient)[:SHOWN],
        "consent_form": consent_form,
        "laboratory_form": laboratory_form,
    }
    status = 422 if consent_form.errors or laboratory_form.errors else 200
    return render(request, "portal/patient_records.html", context, status=status)
