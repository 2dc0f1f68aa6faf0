"""Addresses below `/api/` that do not exist, answered as a problem and not as a page."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.negotiation import OneRepresentation


@extend_schema(exclude=True)
class UnknownAddress(APIView):
    """404 for the signed-in, 401 for the rest: strangers learn nothing about what exists."""

    permission_classes = (IsAuthenticated,)
    content_negotiation_class = OneRepresentation

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Check who asks, then say that there is nothing here."""
        super().initial(request, *args, **kwargs)
        raise Http404

    def get(self, request: Request) -> Response:
        """Never reached; names the method for the router."""
        raise Http404
