"""The worklist, and its own quiet refresh."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.keyset import InvalidCursorError, keyset_page
from apps.diagnosis import selectors
from apps.portal import worklist as lists
from apps.portal.access import is_live_poll, page, template_rights
from apps.portal.forms import WorklistFilterForm

PAGE_SIZE = 25


@page(Right.VIEW_STATUS)
def worklist(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show one page of the list; the page's own poll gets only the part that changes."""
    form = WorklistFilterForm(request.GET)
    form.is_valid()
    search = lists.search_from(actor, {**form.cleaned_data, "view": request.GET.get("view")})
    cursor = request.GET.get("cursor") or None
    fields, descending = selectors.worklist_keyset(actor=actor, ordering="triage")
    try:
        found = keyset_page(
            lists.entries_found(actor=actor, search=search),
            fields=fields,
            descending=descending,
            cursor=cursor,
            size=PAGE_SIZE,
        )
    except InvalidCursorError:
        return redirect(f"{request.path}?{search.query()}")
    counts = lists.view_counts(actor)
    context = {
        **template_rights(actor),
        "form": form,
        "search": search,
        "cursor": cursor,
        "views": [(view, counts[view.code]) for view in lists.views_for(actor)],
        "counts": counts,
        "oldest_wait": lists.oldest_wait(counts),
        "rows": lists.rows_of(found.items, actor=actor),
        "page": found,
    }
    response = render(
        request, "portal/_worklist_live.html" if is_live_poll(request) else "portal/worklist.html", context
    )
    patch_vary_headers(response, ["X-Live-Poll"])
    return response
