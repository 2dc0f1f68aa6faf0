"""Roles become Django groups with permissions."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from apps.accounts.roles import RIGHTS_OF_ROLE, Role, administers


@transaction.atomic
def roles_sync(*, app_label: str | None = None) -> None:
    """Give every role's group exactly the permissions of `roles.py`; repeatable.

    With `app_label` only that app's permissions are looked at, as after its migrations.
    """
    permissions = Permission.objects.select_related("content_type")
    if app_label is not None:
        permissions = permissions.filter(content_type__app_label=app_label)
    known = list(permissions)
    for role in Role:
        group, _ = Group.objects.get_or_create(name=role.value)
        wanted = {permission for permission in known if _belongs(permission, role)}
        held = set(group.permissions.filter(pk__in=[permission.pk for permission in known]))
        group.permissions.add(*wanted - held)
        group.permissions.remove(*held - wanted)


def _belongs(permission: Permission, role: Role) -> bool:
    kind = permission.content_type
    if f"{kind.app_label}.{permission.codename}" in RIGHTS_OF_ROLE[role]:
        return True
    if role is not Role.ADMINISTRATOR:
        return False
    try:
        ours = apps.get_app_config(kind.app_label).name.startswith("apps.")
    except LookupError:  # the rows of an app that was removed
        return False
    return administers(kind.app_label, kind.model, permission.codename, ours=ours)
