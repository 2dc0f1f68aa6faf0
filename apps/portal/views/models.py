"""Model versions: what they are, how well they do, and which one answers."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import PermanentError
from apps.portal import model_card
from apps.portal.access import page, template_rights
from apps.registry.models import AliasChange, ModelVersion
from apps.registry.selectors import alias_history, version_has, version_text, versions_visible_to

CHECKLIST, HISTORY = "claim.md", "history.svg"
"""What a version's folder may hold besides its card."""


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
    found = _version(actor, name, number)
    context = {
        **template_rights(actor),
        "version": found,
        "blocks": model_card.blocks_of(found.card),
        "has_history": version_has(found, HISTORY),
        "has_checklist": version_has(found, CHECKLIST),
        "figures": model_card.figures_of(found),
        "operating_points": sorted(found.operating_points.items()),
    }
    return render(request, "portal/version.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def checklist(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show a version's answers to the CLAIM 2024 checklist."""
    found = _version(actor, name, number)
    blocks = model_card.blocks_of(_text(found, CHECKLIST))
    context = {**template_rights(actor), "version": found, "blocks": blocks}
    return render(request, "portal/checklist.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def history(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show how a version's training went, as the drawing that came with it."""
    return HttpResponse(_text(_version(actor, name, number), HISTORY), content_type="image/svg+xml")


def _version(actor: Actor, name: str, number: int) -> ModelVersion:
    found = versions_visible_to(actor).filter(model__name=name, number=number).first()
    if found is None:
        raise Http404
    return found


def _text(version: ModelVersion, file: str) -> str:
    """Read one of the version's files; what it came without, or is no longer intact, is not shown."""
    try:
        text = version_text(version, file)
    except PermanentError as error:
        raise Http404(str(error)) from error
    if not text:
        raise Http404
    return text
