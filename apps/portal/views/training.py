"""Training runs: started, watched, cancelled; and the schedules that start them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import NotPermittedError, PermanentError
from apps.core.keyset import InvalidCursorError, keyset_page
from apps.portal import training
from apps.portal.access import is_live_poll, page, template_rights
from apps.portal.run_form import TrainingRunForm
from apps.retraining.models import TrainingRun
from apps.retraining.selectors.runs import run_log, runs_visible_to, schedules_visible_to
from apps.retraining.services.runs import run_cancel, run_start

PAGE_SIZE = 25


@page(Right.VIEW_MODELS)
@require_safe
def runs(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List runs, newest first, and schedules."""
    cursor = request.GET.get("cursor") or None
    try:
        found = keyset_page(
            runs_visible_to(actor), fields=("id",), descending=True, cursor=cursor, size=PAGE_SIZE
        )
    except InvalidCursorError:
        return redirect("portal:training")
    context = {
        **template_rights(actor),
        "may_train": actor.may(Right.TRAIN),
        "rows": [training.row_of(run) for run in found.items],
        "page": found,
        "schedules": schedules_visible_to(actor),
    }
    return render(request, "portal/training.html", context)


@page(Right.TRAIN)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the form, or queue what was asked for and lead to the run."""
    form = TrainingRunForm(request.POST or None, actor=actor, initial={"init": "", **request.GET.dict()})
    if request.method == "POST" and form.is_valid():
        try:
            run = run_start(request=form.request(), snapshot=form.cleaned_data["snapshot"], actor=actor)
        except NotPermittedError:
            raise
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Queued. This page follows the run by itself.")
            return redirect("portal:training_run", run.pk)
    context = {**template_rights(actor), "form": form, "paces": training.paces()}
    return render(request, "portal/training_start.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def run(request: HttpRequest, actor: Actor, run_id: int) -> HttpResponse:
    """Show one run; its own poll gets only the part that changes."""
    found = _run(actor, run_id)
    template = "portal/_training_live.html" if is_live_poll(request) else "portal/training_run.html"
    response = render(request, template, _context(actor, found))
    patch_vary_headers(response, ["X-Live-Poll"])
    return response


@page(hidden=True)
@require_POST
def cancel(request: HttpRequest, actor: Actor, run_id: int) -> HttpResponse:
    """End a run before its time."""
    found = _run(actor, run_id)
    try:
        run_cancel(run=found, actor=actor)
    except NotPermittedError:
        raise
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Cancelled. The trainer stops within seconds, and keeps nothing.")
    return redirect("portal:training_run", run_id)


def _run(actor: Actor, run_id: int) -> TrainingRun:
    found = runs_visible_to(actor).filter(pk=run_id).first()
    if found is None:
        raise Http404
    return found


def _context(actor: Actor, found: TrainingRun) -> dict[str, Any]:
    charts = training.charts_of(found)
    return {
        **template_rights(actor),
        "run": found,
        "row": training.row_of(found),
        "time_left": training.time_left(found),
        "settings": training.settings_of(found),
        "charts": charts,
        "chart_data": {name: json.dumps(chart["data"]) for name, chart in charts.items()},
        "log": run_log(found, actor=actor),
        "may_cancel": not found.is_finished and (actor.may(Right.TRAIN) or actor.may(Right.CONFIGURE)),
    }
