"""Accounts and their roles."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from apps.accounts.access import Actor
from apps.accounts.models import User
from apps.accounts.roles import Right, Role
from apps.audit.services import event_record
from apps.core.errors import PermanentError


class AccountError(PermanentError):
    """The account cannot be made or changed as asked."""


@transaction.atomic
def user_create(*, email: str, role: Role, password: str, by: str) -> User:
    """Create an active account with a role; whoever calls vouches for its e-mail address.

    Raises `AccountError` on a malformed or known address and on an empty password.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise AccountError(f"{email!r} is not an e-mail address: expected NAME@HOST.") from None
    if not password:
        raise AccountError("The password is empty: expected at least one character.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
    except IntegrityError:
        raise AccountError(f"{email} already has an account; change its role in Django admin.") from None
    _role_set(user, role)
    email_address_vouch(user)
    event_record(
        action="user_created",
        actor=by,
        object_type="user",
        object_id=str(user.pk),
        detail={"role": role.value},
    )
    return user


@transaction.atomic
def user_role_change(*, user: User, role: Role, by: Actor) -> None:
    """Give an account another role; it applies from the next request on.

    Raises `NotPermittedError` unless `by` may configure, and `AccountError` when the last
    administrator would be gone.
    """
    by.require(Right.CONFIGURE)
    previous = user.role
    if previous == role:
        return
    _last_administrator_keep(user)
    _role_set(user, role)
    _event(by, "role_changed", user, {"from": previous.value if previous else "", "to": role.value})


@transaction.atomic
def user_deactivate(*, user: User, by: Actor) -> None:
    """Close an account: its sessions and keys stop working at once; what it did stays on record.

    Raises `NotPermittedError` unless `by` may configure, and `AccountError` for the last administrator.
    """
    by.require(Right.CONFIGURE)
    _last_administrator_keep(user)
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        user.is_active = False
        _event(by, "user_deactivated", user)


@transaction.atomic
def user_activate(*, user: User, by: Actor) -> None:
    """Open a closed account again.

    Raises `NotPermittedError` unless `by` may configure, and `AccountError` when it has no role yet:
    such an account waits for its access request to be approved.
    """
    by.require(Right.CONFIGURE)
    if user.role is None:
        raise AccountError(f"{user.email} has no role yet: approve its access request instead.")
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        user.is_active = True
        _event(by, "user_activated", user)


@transaction.atomic
def second_factor_reset(*, user: User, by: Actor) -> bool:
    """Remove every second factor of an account, whose owner lost it; returns whether there was one.

    Raises `NotPermittedError` unless `by` may configure.
    """
    by.require(Right.CONFIGURE)
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        _event(by, "second_factor_removed", user)
    return bool(removed)


def role_grant(user: User, role: Role) -> None:
    """Give a new account its first role and open it; the caller checks rights and records the event."""
    _role_set(user, role)
    email_address_vouch(user)
    user.is_active = True
    user.save(update_fields=["is_active"])


def email_address_vouch(user: User) -> None:
    """Mark the account's address as verified, on the word of the administrator who let it in."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def _role_set(user: User, role: Role) -> None:
    user.groups.set([Group.objects.get(name=role.value)])
    user.is_staff = role is Role.ADMINISTRATOR
    user.save(update_fields=["is_staff"])


def _last_administrator_keep(user: User) -> None:
    if user.is_last_administrator:
        raise AccountError(f"{user.email} is the last administrator: make another one first.")


def _event(by: Actor, action: str, user: User, detail: dict[str, str] | None = None) -> None:
    event_record(
        action=action,
        actor=by.name,
        actor_role=by.role or "",
        source=by.source,
        object_type="user",
        object_id=str(user.pk),
        detail=dict(detail or {}),
    )
