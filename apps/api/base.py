"""What every resource shares."""

from __future__ import annotations

from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from apps.accounts.access import Actor
from apps.api.authentication import request_actor
from apps.api.negotiation import OneRepresentation
from apps.api.permissions import HasRight


class CollectionView(APIView):
    """A collection: `rights` names the right that each method needs; lacking it is 403."""

    permission_classes = (HasRight,)
    content_negotiation_class = OneRepresentation

    @property
    def actor(self) -> Actor:
        """Who acts in this request."""
        return request_actor(self.request)


class ObjectView(APIView):
    """One object: the selectors decide who sees it; for everybody else it does not exist (404)."""

    permission_classes = (IsAuthenticated,)
    content_negotiation_class = OneRepresentation

    @property
    def actor(self) -> Actor:
        """Who acts in this request."""
        return request_actor(self.request)
