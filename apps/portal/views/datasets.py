"""Data sets: asked for, followed while they are made, looked at without patients."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import NotPermittedError, PermanentError
from apps.core.keyset import InvalidCursorError, keyset_page
from apps.core.responses import StreamedFileResponse
from apps.portal.access import is_live_poll, page, template_rights
from apps.portal.dataset_forms import SnapshotForm
from apps.retraining.models import DatasetSnapshot
from apps.retraining.selectors import snapshot_picture, snapshot_rows, snapshots_visible_to
from apps.retraining.services import snapshot_request

PAGE_SIZE = 25
PREVIEWS = 24
_BY = {"by_source": "Source", "by_sex": "Sex", "by_age": "Age", "by_view": "View"}


@page(Right.VIEW_DATASETS)
@require_safe
def snapshots(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List data sets, newest first."""
    cursor = request.GET.get("cursor") or None
    try:
        found = keyset_page(
            snapshots_visible_to(actor), fields=("id",), descending=True, cursor=cursor, size=PAGE_SIZE
        )
    except InvalidCursorError:
        return redirect("portal:snapshots")
    context = {**template_rights(actor), "page": found, "may_train": actor.may(Right.TRAIN)}
    return render(request, "portal/snapshots.html", context)


@page(Right.TRAIN)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the form, or queue what was asked for and lead to it."""
    form = SnapshotForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            snapshot = snapshot_request(actor=actor, **form.cleaned_data)
        except NotPermittedError:
            raise
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Queued. This page follows it by itself.")
            return redirect("portal:snapshot", snapshot.pk)
    return render(request, "portal/snapshot_start.html", {**template_rights(actor), "form": form})


@page(Right.VIEW_DATASETS, hidden=True)
@require_safe
def snapshot(request: HttpRequest, actor: Actor, snapshot_id: int) -> HttpResponse:
    """Show one data set; its own poll gets only what changes, and a new page once it is finished."""
    found = _snapshot(actor, snapshot_id)
    if is_live_poll(request):
        response = render(request, "portal/_snapshot_live.html", {"snapshot": found})
        if found.is_finished:
            response["HX-Refresh"] = "true"
    else:
        response = render(request, "portal/snapshot.html", _context(request, actor, found))
    patch_vary_headers(response, ["X-Live-Poll"])
    return response


@page(Right.VIEW_DATASETS, hidden=True)
@require_safe
def picture(request: HttpRequest, actor: Actor, snapshot_id: int, sha256: str) -> HttpResponseBase:
    """Show one image of a data set: pixels that say of nobody whose they are."""
    path = snapshot_picture(_snapshot(actor, snapshot_id), sha256)
    if path is None:
        raise Http404
    return StreamedFileResponse(path.open("rb"), content_type="image/png")


def _snapshot(actor: Actor, snapshot_id: int) -> DatasetSnapshot:
    found = snapshots_visible_to(actor).filter(pk=snapshot_id).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, actor: Actor, found: DatasetSnapshot) -> dict[str, Any]:
    asked = request.GET.get("from", "")
    start = min(int(asked), found.image_count) if asked.isdecimal() and len(asked) < 9 else 0
    by = found.report.get("by", {})
    previews = snapshot_rows(found, start=start, count=PREVIEWS)
    return {
        **template_rights(actor),
        "snapshot": found,
        "may_train": actor.may(Right.TRAIN),
        "tables": [_table(title, by[name]) for name, title in _BY.items() if name in by],
        "previews": previews,
        "start": start,
        "last": start + len(previews),
        "earlier": max(start - PREVIEWS, 0) if start else None,
        "later": start + PREVIEWS if start + PREVIEWS < found.image_count else None,
    }


def _table(title: str, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Lay counts out as rows of one part each, with a column for every label that occurs."""
    labels = sorted({label for one in counts.values() for label in one})
    rows = [
        (part, [one.get(label, 0) for label in labels], sum(one.values())) for part, one in counts.items()
    ]
    return {"title": title, "labels": labels, "rows": rows}
