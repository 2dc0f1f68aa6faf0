"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core.errors import ConflictError, NotPermittedError, PlatformError, RetriableError
from apps.studies.services.errors import StorageFullError
from apps.studies.services.rendering import NotRenderableError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 30


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457, with `errors` by field where the input was at fault."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(required=False)  # type: ignore[assignment]  # DRF takes declared fields out of the class


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: object
) -> Response:
    """Build one problem response."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(body, status=status, headers=dict(headers or {}), content_type=CONTENT_TYPE)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None lets an unforeseen error become 500."""
    response = _problem_of(error)
    if response is not None:
        set_rollback()
    return response


def _problem_of(error: Exception) -> Response | None:
    match error:
        case Http404():
            return problem(404, "There is no such object, or it is not yours to see.")
        case PermissionDenied() | NotPermittedError():
            return problem(403, str(error) or "Your role or key does not include this right.")
        case exceptions.ValidationError():
            return problem(400, "The request is not valid; see errors.", errors=_by_field(error.detail))
        case exceptions.APIException():
            return problem(error.status_code, str(error.detail), headers=_headers(error))
        case StorageFullError():
            return problem(507, str(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case NotRenderableError():
            return problem(422, str(error))
        case RetriableError():
            return problem(503, str(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case ConflictError():
            return problem(409, str(error))
        case PlatformError():
            return problem(400, str(error))
    return None


def _by_field(detail: object) -> dict[str, Any]:
    return dict(detail) if isinstance(detail, Mapping) else {"non_field_errors": detail}


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers
