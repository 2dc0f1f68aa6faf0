"""Nothing is allowed unless a view says who may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.accounts.roles import Right
from apps.api.authentication import request_actor

if TYPE_CHECKING:  # DRF loads this module while `rest_framework.views` is still loading
    from rest_framework.views import APIView


class DenyByDefault(BasePermission):
    """Refuses; every view names its own permission."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return False."""
        return False


class HasRight(BasePermission):
    """Requires the right that the view's `rights` names for the method; no entry, no access.

    For collections: a missing right is 403. Single objects hide behind 404 instead, through the
    querysets that the selectors give each actor.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the actor has the method's right."""
        if not request.user.is_authenticated:
            return False
        rights: Mapping[str, Right] = getattr(view, "rights", {})
        right = rights.get("GET" if request.method == "HEAD" else str(request.method))
        return request.method == "OPTIONS" or (right is not None and request_actor(request).may(right))
