"""What accounts does when others say that something happened: roles follow migrations, and the audit
log hears of who comes, goes, fails to, and changes what.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from django.apps import AppConfig
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_migrate, post_save
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from apps.accounts.access import client_address
from apps.accounts.middleware import LAST_SEEN_AT, SIGNED_IN_AT
from apps.accounts.models import User
from apps.accounts.services.roles import roles_sync
from apps.audit.services import event_record

UNKNOWN = "unknown"
"""The actor of a failed sign-in with an address that is no account: people type passwords there."""

_ADMIN_VERBS = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}


@receiver(post_migrate, dispatch_uid="accounts.roles_follow_migrations")
def roles_follow_migrations(sender: AppConfig, **kwargs: Any) -> None:
    """Give the groups an app's permissions once its migrations made them."""
    roles_sync(app_label=sender.label)


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Start the session's clocks and record the sign-in."""
    request.session[SIGNED_IN_AT] = request.session[LAST_SEEN_AT] = time.time()
    _record("signed_in", request, user)


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Record the sign-out, and whether the session's limits caused it."""
    if user is not None:
        _record("signed_out", request, user, detail={"reason": getattr(request, "session_ended_by", "asked")})


@receiver(user_login_failed, dispatch_uid="accounts.sign_in_failed")
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Record a wrong password or address."""
    address = str(credentials.get("email") or "").strip().lower()
    user = User.objects.filter(email=address).first() if address else None
    _record("sign_in_failed", request, user, outcome="failure", detail={"step": "password"})


@receiver(authentication_failed, dispatch_uid="accounts.second_factor_failed")
def second_factor_failed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Record a wrong code or key."""
    _record("sign_in_failed", request, user, outcome="failure", detail={"step": "second factor"})


_CHANGES: dict[Signal, str] = {
    password_changed: "password_changed",
    password_set: "password_changed",
    password_reset: "password_reset",
    authenticator_added: "second_factor_added",
    authenticator_removed: "second_factor_removed",
    authenticator_reset: "recovery_codes_renewed",
}


@receiver(list(_CHANGES), dispatch_uid="accounts.credentials_changed")
def credentials_changed(signal: Signal, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Record that somebody changed how to prove who they are."""
    _record(_CHANGES[signal], request, user)


@receiver(post_save, sender=LogEntry, dispatch_uid="accounts.admin_changed")
def admin_changed(instance: LogEntry, created: bool, **kwargs: Any) -> None:
    """Record what Django admin logs: the kind of object and its id, never its name or values."""
    if not created:
        return
    user = User.objects.get(pk=instance.user_id)
    kind = instance.content_type
    event_record(
        action="admin_changed",
        actor=user.email,
        actor_role=user.role or "",
        object_type=f"{kind.app_label}.{kind.model}" if kind else "",
        object_id=instance.object_id or "",
        detail={"change": _ADMIN_VERBS.get(instance.action_flag, str(instance.action_flag))},
    )


def _record(
    action: str,
    request: HttpRequest | None,
    user: User | None,
    *,
    outcome: str = "success",
    detail: dict[str, str] | None = None,
) -> None:
    event_record(
        action=action,
        actor=user.email if user else UNKNOWN,
        actor_role=(user.role or "") if user else "",
        source=client_address(request) if request else "",
        object_type="user" if user else "",
        object_id=str(user.pk) if user else "",
        outcome=outcome,
        detail=dict(detail or {}),
    )
