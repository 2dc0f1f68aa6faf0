"""Who calls REST: a signed-in session, or a system with `Authorization: Api-Key KEY`."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.access import Actor, client_address
from apps.accounts.models import ApiKey, User
from apps.accounts.services import api_key_authenticate

KEYWORD = "Api-Key"


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the owner of an API key; the key itself becomes `request.auth`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the owner and the key, or None where the header is absent or of another kind.

        Raises `AuthenticationFailed` for a key that is unknown, revoked or expired, or whose owner
        may no longer sign in.
        """
        keyword, _, key = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != KEYWORD.lower():
            return None
        api_key = api_key_authenticate(key.strip())
        if api_key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired; ask for a new one.")
        return api_key.user, api_key

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that a missing credential is 401 and not 403."""
        return KEYWORD


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook has no types
    """How the schema describes `ApiKeyAuthentication`."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Api-Key KEY`; keys come from `manage.py create_api_key`.",
        }


def request_actor(request: Request) -> Actor:
    """Return who acts in this request; a key's scopes narrow its owner's rights."""
    scopes = request.auth.scopes if isinstance(request.auth, ApiKey) else None
    return Actor.of_user(request.user, source=client_address(request._request), scopes=scopes)
