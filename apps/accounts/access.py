"""Who is acting, and what that one may do: the value that every service and selector is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.models import User
from apps.accounts.roles import Right, Role
from apps.accounts.scopes import rights_of_scopes
from apps.core.errors import NotPermittedError


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a system with a key, or the platform itself.

    `name` and `source` (a network address or AE title) are text for the audit log.
    """

    name: str
    role: Role | None
    rights: frozenset[Right]
    user_id: int | None = None
    source: str = ""

    @classmethod
    def of_user(
        cls, user: User | AnonymousUser, *, source: str = "", scopes: Iterable[str] | None = None
    ) -> Actor:
        """Make the actor of an account; `scopes` (of an API key) narrow what its role allows.

        Inactive and anonymous users have no rights.
        """
        if not isinstance(user, User):
            return cls(name="anonymous", role=None, rights=frozenset(), source=source)
        permissions = user.get_all_permissions()
        rights = frozenset(right for right in Right if right.value in permissions)
        if scopes is not None:
            rights &= rights_of_scopes(scopes)
        return cls(name=user.email, role=user.role, rights=rights, user_id=user.pk, source=source)

    @classmethod
    def of_request(cls, request: HttpRequest, *, scopes: Iterable[str] | None = None) -> Actor:
        """Make the actor of a web request's user, with the client's address as its source."""
        return cls.of_user(request.user, source=client_address(request), scopes=scopes)

    @classmethod
    def system(cls, name: str) -> Actor:
        """Make the actor of the platform's own work, such as `worker` or `import_studies`: all rights."""
        return cls(name=name, role=None, rights=frozenset(Right))

    def may(self, right: Right) -> bool:
        """Say whether the actor has the right."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raise `NotPermittedError` unless the actor has the right."""
        if right not in self.rights:
            raise NotPermittedError(f"This needs the right “{right.label}”, which {self.name} does not have.")


def client_address(request: HttpRequest) -> str:
    """Return the client's network address; proxies are believed only where we know to stand behind one.

    Empty when there is none, as on a Unix socket.
    """
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return ""
