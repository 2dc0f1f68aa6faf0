"""Who calls REST: a session, or a system with `Authorization: Api-Key KEY`."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the owner of an API key."""

    def authenticate(self, request: Request) -> None:
        """Not an API key: let the next class try."""
        return None
