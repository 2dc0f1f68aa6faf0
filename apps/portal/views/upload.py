"""The upload page; its files go to `POST /api/v1/studies/`, the door that integrators use too."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis import selectors
from apps.portal import wording
from apps.portal.access import page, template_rights
from apps.portal.worklist import rows_of

MAX_WATCHED = 100


@page(Right.UPLOAD)
@require_safe
def upload(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the page."""
    return render(
        request,
        "portal/upload.html",
        {**template_rights(actor), "max_bytes": settings.MAX_OBJECT_BYTES},
    )


@page(Right.VIEW_STATUS)
@require_safe
def progress(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Answer the upload page's poll: what became of the studies it sent (`?uid=…`, repeated)."""
    uids = request.GET.getlist("uid")[:MAX_WATCHED]
    entries = selectors.worklist(actor=actor).filter(study__study_instance_uid__in=uids)
    return JsonResponse(
        {
            row.entry.study.study_instance_uid: {
                "state": row.state,
                "status": row.status,
                "finding": row.finding,
                "note": row.note,
                "probability": wording.percent(row.entry.probability) if row.finding else "",
            }
            for row in rows_of(entries, actor=actor)
        }
    )
