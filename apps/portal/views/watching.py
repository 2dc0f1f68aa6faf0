"""Watching: is what comes in, and what comes out, still what it was?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.portal.access import page, template_rights
from apps.retraining.models import WatchingReport
from apps.retraining.selectors.watching import watching_reports_visible_to

PERIODS = 60
_PARTS = {"institution": "Institution", "device": "Device", "sex": "Sex", "age": "Age"}


@page(Right.VIEW_MODELS)
@require_safe
def watching(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the newest period, and the figures over all of them."""
    reports = list(watching_reports_visible_to(actor)[:PERIODS])
    newest = reports[0] if reports else None
    context: dict[str, Any] = {**template_rights(actor), "report": newest, "reports": reports}
    if newest is not None:
        same = [report for report in reversed(reports) if report.model_version_id == newest.model_version_id]
        context |= {
            "shifts": sorted(newest.shifts, key=lambda shift: shift["p_value"]),
            "overall": [rate for rate in newest.rates if rate["by"] == "all"],
            "parts": [
                {"title": title, "rates": [rate for rate in newest.rates if rate["by"] == by]}
                for by, title in _PARTS.items()
            ],
            "chart": chart_of(same),
        }
    return render(request, "portal/watching.html", context)


def chart_of(reports: Sequence[WatchingReport]) -> dict[str, Any]:
    """Lay the overall rates of periods out as a Chart.js configuration, oldest first."""
    series: dict[str, list[float | None]] = {}
    for position, report in enumerate(reports):
        for rate in report.rates:
            if rate["by"] == "all":
                values = series.setdefault(rate["figure"], [None] * len(reports))
                values[position] = round(rate["rate"], 4)
    return {
        "type": "line",
        "data": {
            "labels": [f"{report.ends_at:%d %b %Y}" for report in reports],
            "datasets": [{"label": name, "data": values} for name, values in sorted(series.items())],
        },
        "options": {
            "maintainAspectRatio": False,
            "spanGaps": True,
            "scales": {"y": {"min": 0, "max": 1}},
        },
    }
