"""People of each role, and a way in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_create

PASSWORD = "Correct-horse-battery-9"


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> None:
    cache.clear()


@pytest.fixture
def person(db: None) -> Callable[[Role], User]:
    """Make an account with a role; its password is `PASSWORD`."""

    def make(role: Role) -> User:
        return user_create(email=f"{role.value}@example.org", role=role, password=PASSWORD, by="test")

    return make


@pytest.fixture
def administrator(person: Callable[[Role], User]) -> User:
    """An administrator with a second factor."""
    user = person(Role.ADMINISTRATOR)
    TOTP.activate(user, generate_totp_secret())
    return user


@pytest.fixture
def administration(administrator: User) -> Client:
    """Django admin as that administrator sees it."""
    client = Client()
    client.force_login(administrator)
    return client
