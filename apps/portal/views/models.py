"""Model versions: what they are, how well they do, and which one answers."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.portal import model_card
from apps.portal.access import page, template_rights
from apps.registry.models import AliasChange
from apps.registry.selectors import alias_history, versions_visible_to


@page(Right.VIEW_MODELS)
@require_safe
def models(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List every version, and every move of an alias."""
    versions = list(versions_visible_to(actor).order_by("model__name", "-number"))
    registered = {version.model_id: version.model for version in versions}
    changes: list[AliasChange] = [change for model in registered.values() for change in alias_history(model)]
    context = {
        **template_rights(actor),
        "versions": [(version, model_card.figures_of(version)) for version in versions],
        "changes": changes,
    }
    return render(request, "portal/models.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def version(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show one version: its card, its operating points, its evaluation."""
    found = versions_visible_to(actor).filter(model__name=name, number=number).first()
    if found is None:
        raise Http404
    context = {
        **template_rights(actor),
        "version": found,
        "card": model_card.blocks_of(found.card),
        "figures": model_card.figures_of(found),
        "operating_points": sorted(found.operating_points.items()),
    }
    return render(request, "portal/version.html", context)
