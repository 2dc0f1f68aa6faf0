"""Keys are hashed, scoped, expiring, and never do more than their owner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Right, Role
from apps.accounts.services import (
    AccountError,
    api_key_authenticate,
    api_key_create,
    api_key_revoke,
    user_role_change,
)
from apps.audit.models import AuditEvent


@pytest.fixture
def integrator(person: Callable[[Role], User]) -> User:
    """The account of a system."""
    return person(Role.INTEGRATOR)


def test_a_key_is_known_by_itself_and_kept_as_a_hash(integrator: User) -> None:
    api_key, key = api_key_create(user=integrator, scopes=["studies:read", "studies:read"], by="test")

    found = api_key_authenticate(key)
    assert found == api_key
    assert found.user == integrator
    assert found.scopes == ["studies:read"]
    assert key.partition(".")[2] not in str(ApiKey.objects.values().get())
    assert found.expiry_date is not None
    assert timedelta(days=89) < found.expiry_date - timezone.now() <= timedelta(days=90)
    event = AuditEvent.objects.get(action="key_created")
    assert event.object_id == api_key.prefix
    assert key not in str(event.detail)


@pytest.mark.parametrize("change", ["", "x", ".", "secret", "prefix"])
def test_another_key_is_nobody(integrator: User, change: str) -> None:
    _, key = api_key_create(user=integrator, scopes=["studies:read"], by="test")
    prefix, _, secret = key.partition(".")
    wrong = {"secret": f"{prefix}.{secret[:-1]}", "prefix": f"{prefix[:-1]}.{secret}"}.get(change, change)
    assert api_key_authenticate(wrong) is None


def test_an_expired_a_revoked_and_an_orphaned_key_are_nobody(integrator: User) -> None:
    def made() -> tuple[ApiKey, str]:
        return api_key_create(user=integrator, scopes=["studies:read"], by="test")

    expired, key = made()
    ApiKey.objects.filter(pk=expired.pk).update(expiry_date=timezone.now() - timedelta(seconds=1))
    assert api_key_authenticate(key) is None

    revoked, key = made()
    api_key_revoke(api_key=revoked, by="test")
    api_key_revoke(api_key=revoked, by="test")
    assert api_key_authenticate(key) is None
    assert AuditEvent.objects.filter(action="key_revoked").count() == 1

    _, key = made()
    User.objects.filter(pk=integrator.pk).update(is_active=False)
    assert api_key_authenticate(key) is None


def test_the_effective_right_follows_the_owners_role(integrator: User, administrator: User) -> None:
    _, key = api_key_create(user=integrator, scopes=["studies:read", "reports:sign"], by="test")

    def rights() -> frozenset[Right]:
        found = api_key_authenticate(key)
        assert found
        return Actor.of_user(found.user, scopes=found.scopes).rights

    assert rights() == {Right.VIEW_IMAGES, Right.VIEW_STATUS, Right.VIEW_RESULTS}
    by = Actor.of_user(administrator)
    user_role_change(user=integrator, role=Role.TECHNICIAN, by=by)
    assert rights() == {Right.VIEW_IMAGES, Right.VIEW_STATUS}
    user_role_change(user=User.objects.get(pk=integrator.pk), role=Role.RADIOLOGIST, by=by)
    assert rights() == {Right.VIEW_IMAGES, Right.VIEW_STATUS, Right.VIEW_RESULTS, Right.SIGN}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scopes": ["studies:delete"]}, "Unknown scope studies:delete"),
        ({"scopes": []}, "needs a scope"),
        ({"days": 0}, "1 to 366"),
        ({"days": 367}, "1 to 366"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    integrator: User, changes: dict[str, object], expected: str
) -> None:
    wish: dict[str, object] = {"scopes": ["studies:read"], "days": 90, **changes}
    with pytest.raises(AccountError, match=expected):
        api_key_create(user=integrator, by="test", **wish)  # type: ignore[arg-type]  # varied by name
    assert not ApiKey.objects.exists()


def test_use_is_noted_at_most_once_a_minute(
    integrator: User, django_assert_num_queries: Callable[[int], object]
) -> None:
    api_key, key = api_key_create(user=integrator, scopes=["studies:read"], by="test")

    api_key_authenticate(key)
    first = ApiKey.objects.get(pk=api_key.pk).last_used_at
    assert first is not None
    api_key_authenticate(key)
    assert ApiKey.objects.get(pk=api_key.pk).last_used_at == first
