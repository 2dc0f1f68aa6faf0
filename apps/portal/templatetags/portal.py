"""What the portal's templates ask for."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.portal import wording
from apps.portal.navigation import places_for
from apps.portal.worklist import Search

register = template.Library()

register.filter("finding_name", wording.finding_name)
register.filter("percent", wording.percent)
register.filter("age", wording.age)
register.filter("person_name", wording.person_name)
register.filter("patient_line", wording.patient_line)
register.filter("clock", wording.clock)
register.filter("either", wording.either)


@register.simple_tag(takes_context=True)
def page_theme(context: dict[str, Any]) -> str:
    """Return the theme that the person chose, kept in a cookie; light without one."""
    request: HttpRequest | None = context.get("request")
    return "dark" if request is not None and request.COOKIES.get("theme") == "dark" else "light"


@register.simple_tag
def search_query(search: Search, **more: object) -> str:
    """Write a worklist search as a query string, with parts replaced or added."""
    return search.query(**more)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing to a screen reader, the words beside it do."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


@register.inclusion_tag("portal/_masthead.html", takes_context=True)
def masthead(context: dict[str, Any]) -> dict[str, Any]:
    """Draw the bar above every page: where this person may go, and who they are."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    return {
        "request": request,
        "user": user,
        "csrf_token": context.get("csrf_token"),
        "places": places_for(user, request.path if request else ""),
    }


@register.inclusion_tag("portal/_triage.html")
def triage(rank: int) -> dict[str, Any]:
    """Draw an urgency: a shape, a word, and only then a colour."""
    return {"urgency": wording.URGENCIES[rank]}


@register.inclusion_tag("portal/_probability.html")
def probability(
    value: float | None, operating_point: float | None = None, leading: bool = False
) -> dict[str, Any]:
    """Draw a probability as a bar with its operating point as a tick; None draws the tick alone.

    Lengths are SVG attributes in percent, because the content security policy allows no style in a page.
    """
    return {
        "value": value,
        "percent": wording.percent(value),
        "width": None if value is None else f"{100 * value:.1f}%",
        "operating_point": operating_point,
        "tick": None if operating_point is None else f"{100 * operating_point:.1f}%",
        "operating_percent": None if operating_point is None else wording.percent(operating_point),
        "leading": leading,
    }
