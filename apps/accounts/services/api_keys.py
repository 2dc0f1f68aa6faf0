"""Keys of systems: shown once, kept as a hash, scoped, expiring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.accounts.scopes import SCOPES
from apps.accounts.services.users import AccountError
from apps.audit.services import event_record

DEFAULT_DAYS = 90
MAX_DAYS = 366
LAST_USED_RESOLUTION = timedelta(minutes=1)
"""`last_used_at` is no finer, so that a busy key does not write a row with every call."""


@transaction.atomic
def api_key_create(
    *, user: User, scopes: Sequence[str], days: int = DEFAULT_DAYS, by: str, name: str = ""
) -> tuple[ApiKey, str]:
    """Make a key for an account; returns its row and the key itself, which is never seen again.

    What the key may do is decided at each use: its scopes ∩ its owner's role of that moment.
    Raises `AccountError` on an unknown scope, none at all, a closed account, or a life that is not
    1 … 366 days.
    """
    wanted = list(dict.fromkeys(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise AccountError(f"Unknown scope {', '.join(unknown)}: expected some of {', '.join(SCOPES)}.")
    if not wanted:
        raise AccountError(f"A key needs a scope: expected some of {', '.join(SCOPES)}.")
    if not 1 <= days <= MAX_DAYS:
        raise AccountError(f"A key cannot live {days} days: expected 1 to {MAX_DAYS}.")
    if not user.is_active:
        raise AccountError(f"{user.email} is closed: a key needs an open account.")
    made = ApiKey.objects.create_key(
        name=(name or user.email)[:50],
        user=user,
        scopes=wanted,
        expiry_date=timezone.now() + timedelta(days=days),
    )
    api_key, key = cast("tuple[ApiKey, str]", made)
    event_record(
        action="key_created",
        actor=by,
        object_type="api_key",
        object_id=api_key.prefix,
        detail={"user": user.pk, "scopes": wanted, "days": days},
    )
    return api_key, key


@transaction.atomic
def api_key_revoke(*, api_key: ApiKey, by: str) -> None:
    """End a key's life now; this cannot be undone."""
    if ApiKey.objects.filter(pk=api_key.pk, revoked=False).update(revoked=True):
        api_key.revoked = True
        event_record(action="key_revoked", actor=by, object_type="api_key", object_id=api_key.prefix)


def api_key_authenticate(key: str) -> ApiKey | None:
    """Return the key's row with its owner, or None: unknown, wrong, revoked, expired or owner closed."""
    prefix = key.partition(".")[0]
    api_key: ApiKey | None = (
        ApiKey.objects.select_related("user").filter(prefix=prefix, revoked=False).first()
    )
    if api_key is None or not api_key.is_valid(key) or api_key.has_expired or not api_key.user.is_active:
        return None
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_RESOLUTION)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)
    return api_key
