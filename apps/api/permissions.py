"""Nothing is allowed unless a view says who may."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class DenyByDefault(BasePermission):
    """Refuses; every view names its own permission."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return False."""
        return False
