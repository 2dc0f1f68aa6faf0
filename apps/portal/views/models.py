"""Model versions: what they are, how well they do, and which one answers."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import PermanentError
from apps.diagnosis.agreement import shadow_differences, shadow_summary
from apps.diagnosis.selectors import open_load_failures
from apps.portal import evaluation, model_card, shadow_charts
from apps.portal.access import page, template_rights
from apps.registry.gate import makers_of, objections_to
from apps.registry.models import Alias, AliasChange, ModelVersion
from apps.registry.selectors import (
    alias_history,
    champion,
    previous_champion,
    version_has,
    version_text,
    versions_visible_to,
)
from apps.registry.selectors import challenger as challenger_of

CHECKLIST, HISTORY = "claim.md", "history.svg"
"""What a version's folder may hold besides its card."""
MOST_COMPARED = 3
MOST_DIFFERENCES = 50


@page(Right.VIEW_MODELS)
@require_safe
def models(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List every version, every move of an alias, and what cannot be loaded."""
    versions = list(versions_visible_to(actor).order_by("model__name", "-number"))
    registered = {version.model_id: version.model for version in versions}
    changes: list[AliasChange] = [change for model in registered.values() for change in alias_history(model)]
    challengers = [version for version in versions if _has_alias(version, Alias.Name.CHALLENGER)]
    context = {
        **template_rights(actor),
        **_model_rights(actor),
        "versions": [(version, model_card.figures_of(version)) for version in versions],
        "changes": changes,
        "challengers": challengers,
        "load_failures": open_load_failures(actor),
        "rollbacks": [
            (model, previous) for model in registered.values() if (previous := previous_champion(model))
        ],
    }
    return render(request, "portal/models.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def version(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show one version: its card, what was measured, what the gate has against it, what became of it."""
    found = _version(actor, name, number)
    context = {
        **template_rights(actor),
        **_model_rights(actor),
        "version": found,
        "blocks": model_card.blocks_of(found.card),
        "has_history": version_has(found, HISTORY),
        "has_checklist": version_has(found, CHECKLIST),
        "figures": model_card.figures_of(found),
        "operating_points": sorted(found.operating_points.items()),
        "charts": evaluation.charts_of([found]),
        "confusions": evaluation.confusions_of([found]),
        "audit_checks": evaluation.audit_checks(found),
        "comparison_rows": evaluation.comparison_rows(found),
        "objections": objections_to(found),
        "made_by_me": actor.name in makers_of(found),
        "is_champion": _has_alias(found, Alias.Name.CHAMPION),
        "is_challenger": _has_alias(found, Alias.Name.CHALLENGER),
        "changes": [change for change in alias_history(found.model) if change.to_version == found],
        "others": [other for other in versions_visible_to(actor).filter(model=found.model) if other != found],
    }
    return render(request, "portal/version.html", context)


@page(Right.VIEW_MODELS)
@require_safe
def compare(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show up to three versions side by side: `?of=cxr:1&of=cxr:2`."""
    wanted = request.GET.getlist("of")[:MOST_COMPARED]
    visible = {str(version): version for version in versions_visible_to(actor)}
    versions = [visible[reference] for reference in dict.fromkeys(wanted) if reference in visible]
    context = {
        **template_rights(actor),
        "versions": versions,
        "all_versions": list(visible.values()),
        "rows": evaluation.figure_rows(versions),
        "charts": evaluation.charts_of(versions),
        "confusions": evaluation.confusions_of(versions),
        "audits": [(version, evaluation.audit_checks(version)) for version in versions],
        "comparisons": [
            (version, evaluation.comparison_rows(version)) for version in versions if version.comparison
        ],
    }
    return render(request, "portal/compare.html", context)


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def challenger(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Show how the version in the shadow does beside the champion, without saying on whom."""
    present, contender = champion(name), challenger_of(name)
    context = {**template_rights(actor), **_model_rights(actor), "name": name, "champion": present}
    if contender is not None:
        summary = shadow_summary(version=contender, actor=actor)
        differences = shadow_differences(version=contender, actor=actor)[:MOST_DIFFERENCES]
        context |= {
            "version": contender,
            "summary": summary,
            "differences": differences,
            "charts": {"latency": shadow_charts.latency_chart(summary)},
            "opens_studies": actor.may(Right.VIEW_RESULTS) and actor.may(Right.VIEW_IMAGES),
        }
    return render(request, "portal/challenger.html", context)


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


def _model_rights(actor: Actor) -> dict[str, bool]:
    return {"promotes": actor.may(Right.PROMOTE), "brings_models": actor.may(Right.TRAIN)}


def _has_alias(version: ModelVersion, name: Alias.Name) -> bool:
    return any(alias.name == name for alias in version.aliases.all())


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
