"""What accounts does when others say that something happened."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig

from apps.accounts.services.roles import roles_sync


def roles_follow_migrations(sender: AppConfig, **kwargs: Any) -> None:
    """Give the groups an app's permissions once its migrations made them."""
    roles_sync(app_label=sender.label)
