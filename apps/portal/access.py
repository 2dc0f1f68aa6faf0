"""Who is looking, and what that opens; the pages' one door to rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import NotPermittedError

BREAK_GLASS_TIME = timedelta(minutes=15)
BREAK_GLASS_RIGHTS = frozenset({Right.VIEW_IMAGES, Right.VIEW_STATUS})
"""Images, not results: RELIABILITY's matrix gives an administrator no more, even in an emergency."""
_BREAK_GLASS_UNTIL = "break_glass_until"

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
ActorView = Callable[Concatenate[HttpRequest, Actor, P], HttpResponseBase]


def glass_broken_until(session: SessionBase) -> datetime | None:
    """Return when this session's emergency access ends; None where there is none, or no more."""
    text = session.get(_BREAK_GLASS_UNTIL)
    if not text:
        return None
    until = datetime.fromisoformat(text)
    return until if until > timezone.now() else None


def glass_break(session: SessionBase) -> datetime:
    """Open emergency access in this session and return when it ends."""
    until = timezone.now() + BREAK_GLASS_TIME
    session[_BREAK_GLASS_UNTIL] = until.isoformat()
    return until


def glass_close(session: SessionBase) -> None:
    """End emergency access before its time."""
    session.pop(_BREAK_GLASS_UNTIL, None)


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as an actor, with emergency access where it is open."""
    actor = Actor.of_request(request)
    if actor.may(Right.BREAK_GLASS) and glass_broken_until(request.session):
        return replace(actor, rights=actor.rights | BREAK_GLASS_RIGHTS)
    return actor


def page(right: Right | None = None, *, hidden: bool = False) -> Callable[[ActorView[P]], View[P]]:
    """Make a view of `(request, actor, …)` that `right` opens.

    Without the right the answer is 403, or 404 where `hidden`: an object outside one's role is not
    even admitted to exist.
    """

    def decorate(view: ActorView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            actor = actor_of(request)
            try:
                if right is not None:
                    actor.require(right)
                return view(request, actor, *args, **kwargs)
            except NotPermittedError as error:
                if hidden:
                    raise Http404 from error
                raise PermissionDenied from error

        return guarded

    return decorate


def is_live_poll(request: HttpRequest) -> bool:
    """Tell a page's own refresh from a person's doing: it fills no log and keeps no session alive."""
    return request.headers.get("X-Live-Poll") == "1"


def template_rights(actor: Actor) -> dict[str, Any]:
    """Return what templates ask about an actor."""
    return {
        "sees_results": actor.may(Right.VIEW_RESULTS),
        "reviews_allowed": actor.may(Right.REVIEW),
        "uploads": actor.may(Right.UPLOAD),
        "sees_models": actor.may(Right.VIEW_MODELS),
    }
