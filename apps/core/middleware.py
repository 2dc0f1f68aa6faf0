"""What every request goes through before it meets a page."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import add_never_cache_headers

from apps.core import metrics
from apps.core.health import readiness
from apps.core.logs import request_id

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_identity(get_response: GetResponse) -> GetResponse:
    """Give each request an id: in its log lines, and in the answer's `X-Request-ID` for a report."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with request_id() as identity:
            response = get_response(request)
        response["X-Request-ID"] = identity
        return response

    return middleware


def probes(get_response: GetResponse) -> GetResponse:
    """Answer `/healthz`, `/readyz` and `/metrics` before sessions, sign-in and the check of Host.

    An orchestrator asks by the machine's own address, which `CXR_ALLOWED_HOSTS` need not list.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/healthz":
            response: HttpResponse = JsonResponse({"status": "alive"})
        elif request.path_info == "/readyz":
            failures = readiness()
            response = JsonResponse(
                {"status": "not ready", "failures": failures} if failures else {"status": "ready"},
                status=503 if failures else 200,
            )
            response._has_been_logged = True  # type: ignore[attr-defined]  # the prober logs it, not we each time
        elif request.path_info == "/metrics":
            if not _may_scrape(request):
                return HttpResponse(
                    "Scrape from this machine, or send CXR_METRICS_TOKEN as a bearer token.\n",
                    status=403,
                    content_type="text/plain",
                )
            response = HttpResponse(
                metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
            )
        else:
            return get_response(request)
        response["Cache-Control"] = "no-store"
        return response

    return middleware


def _may_scrape(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and settings.METRICS_TOKEN:
        return hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    try:
        local = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    return local and "X-Forwarded-For" not in request.headers


def request_latency(get_response: GetResponse) -> GetResponse:
    """Measure each answer by its route, which unlike its address holds no UID."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        metrics.request_seconds.labels(
            method=request.method if request.method in _METHODS else "other",
            route=match.route if match else "none",
            status=str(response.status_code),
        ).observe(time.perf_counter() - begun)
        return response

    return middleware


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def private_pages(get_response: GetResponse) -> GetResponse:
    """Keep what a signed-in person sees out of every cache, shared workstations' Back button included."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response:
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store, private"
        return response

    return middleware
