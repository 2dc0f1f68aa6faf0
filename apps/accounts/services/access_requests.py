"""Asking for access, and the administrator's answer."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.mails import access_approved_mail, access_declined_mail, access_requested_mail
from apps.accounts.models import AccessRequest, User
from apps.accounts.roles import Right, Role
from apps.accounts.services.users import role_grant
from apps.audit.services import event_record
from apps.core.errors import ConflictError


@transaction.atomic
def access_request_create(*, user: User, wanted_role: Role, reason: str, source: str = "") -> AccessRequest:
    """Record a new person's wish and tell the administrators; the account stays inactive until approved."""
    user.is_active = False
    user.save(update_fields=["is_active"])
    access_request = AccessRequest.objects.create(user=user, wanted_role=wanted_role, reason=reason)
    event_record(
        action="access_requested",
        actor=user.email,
        source=source,
        object_type="user",
        object_id=str(user.pk),
        detail={"role": wanted_role.value},
    )
    access_requested_mail(access_request)
    return access_request


@transaction.atomic
def access_request_approve(*, access_request: AccessRequest, role: Role, by: User, source: str = "") -> None:
    """Open the account with a role and write to the person.

    Raises `NotPermittedError` unless `by` may configure, `ConflictError` when it was decided already.
    """
    _decide(access_request, AccessRequest.Status.APPROVED, by=by, granted_role=role)
    user = access_request.user
    role_grant(user, role)
    _event("user_approved", access_request, by=by, source=source, detail={"role": role.value})
    access_approved_mail(access_request)


@transaction.atomic
def access_request_decline(*, access_request: AccessRequest, by: User, source: str = "") -> None:
    """Leave the account closed and write to the person.

    Raises `NotPermittedError` unless `by` may configure, `ConflictError` when it was decided already.
    """
    _decide(access_request, AccessRequest.Status.DECLINED, by=by)
    _event("user_declined", access_request, by=by, source=source, detail={})
    access_declined_mail(access_request)


def _decide(
    access_request: AccessRequest, status: AccessRequest.Status, *, by: User, granted_role: Role | None = None
) -> None:
    """Move `pending → status` by compare-and-set, so that two administrators cannot both decide."""
    Actor.of_user(by).require(Right.CONFIGURE)
    changes = {
        "status": status,
        "granted_role": granted_role.value if granted_role else "",
        "decided_by": by,
        "decided_at": timezone.now(),
    }
    pending = AccessRequest.objects.filter(pk=access_request.pk, status=AccessRequest.Status.PENDING)
    if pending.update(**changes) != 1:
        raise ConflictError("This request was decided already; reload the page to see by whom.")
    for field, value in changes.items():
        setattr(access_request, field, value)


def _event(
    action: str, access_request: AccessRequest, *, by: User, source: str, detail: dict[str, str]
) -> None:
    event_record(
        action=action,
        actor=by.email,
        actor_role=by.role or "",
        source=source,
        object_type="user",
        object_id=str(access_request.user_id),
        detail=dict(detail),
    )
