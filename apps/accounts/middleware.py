"""How long one may stay, and what one must have set up; see RELIABILITY rule 7."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from apps.accounts.models import User
from apps.accounts.roles import ROLES_WITH_SECOND_FACTOR

SIGNED_IN_AT = "signed_in_at"
LAST_SEEN_AT = "last_seen_at"
LAST_SEEN_RESOLUTION_SECONDS = 30
"""A busy page writes its session twice a minute, not with each request; so one is idle a little early."""

_SENTENCES = {
    "idle": "You were signed out after {idle} minutes without activity.",
    "absolute": "You were signed out: a session lasts {absolute} hours at most.",
}
_EXEMPT_PREFIXES = ("account_", "mfa_", "usersessions_")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def browser_features(get_response: GetResponse) -> GetResponse:
    """Deny pages what none of ours uses, and other sites our answers."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def session_limits(get_response: GetResponse) -> GetResponse:
    """End sessions that were idle for 15 minutes or are 12 hours old.

    A page's own polling (`X-Live-Poll: 1`) is no activity: a screen that was left open signs out.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = time.time()
            if reason := _reason_to_end(request.session, now):
                request.session_ended_by = reason  # type: ignore[attr-defined]  # for the audit log
                logout(request)
                if _is_page(request):
                    messages.info(request, _sentence(reason))
            elif request.headers.get("X-Live-Poll") != "1":
                _touch(request.session, now)
        return get_response(request)

    return middleware


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's, except that htmx is told to load the sign-in page instead of swapping it into a fragment."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Send to the sign-in page whom a view that needs a person does not know."""
        response: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        if response is None or request.headers.get("HX-Request") != "true":
            return response
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = urlunsplit(("", "", page.path or "/", page.query, ""))
        return HttpResponse(status=401, headers={"HX-Redirect": redirect_to_login(back).url})


class SecondFactorMiddleware:
    """Keep administrators and data scientists on the set-up of their second factor until they have one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Let pass who needs none, who has one, and everything that leads to one."""
        if not settings.MFA_REQUIRED or not getattr(view_func, "login_required", True):
            return None
        match = request.resolver_match
        if match and not match.namespace and (match.url_name or "").startswith(_EXEMPT_PREFIXES):
            return None  # allauth's own pages; the administration of the same models has a namespace
        user = request.user
        if not isinstance(user, User) or not second_factor_required(user) or is_mfa_enabled(user):
            return None
        if _is_page(request):
            return redirect("mfa_index")
        return HttpResponse(
            "Your role needs a second factor: set one up at /accounts/2fa/.\n",
            status=403,
            content_type="text/plain",
        )


def second_factor_required(user: User) -> bool:
    """Say whether this account must have a second factor; staff without a role counts as administrator."""
    return user.is_staff or user.role in ROLES_WITH_SECOND_FACTOR


def _reason_to_end(session: SessionBase, now: float) -> str | None:
    if now - session.get(SIGNED_IN_AT, now) >= settings.SESSION_COOKIE_AGE:
        return "absolute"
    if now - session.get(LAST_SEEN_AT, now) >= settings.SESSION_IDLE_SECONDS:
        return "idle"
    return None


def _touch(session: SessionBase, now: float) -> None:
    session.setdefault(SIGNED_IN_AT, now)
    if now - session.get(LAST_SEEN_AT, 0) >= LAST_SEEN_RESOLUTION_SECONDS:
        session[LAST_SEEN_AT] = now


def _is_page(request: HttpRequest) -> bool:
    """Tell a page that a person navigates to from fragments, scripts and systems."""
    return "HX-Request" not in request.headers and request.accepts("text/html") and _in_browser(request)


def _in_browser(request: HttpRequest) -> bool:
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def _sentence(reason: str) -> str:
    return _SENTENCES[reason].format(
        idle=settings.SESSION_IDLE_SECONDS // 60, absolute=settings.SESSION_COOKIE_AGE // 3600
    )
