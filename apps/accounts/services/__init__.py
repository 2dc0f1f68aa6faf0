"""Writing about people, their roles and their keys."""

from apps.accounts.services.access_requests import (
    access_request_approve,
    access_request_create,
    access_request_decline,
)
from apps.accounts.services.api_keys import api_key_authenticate, api_key_create, api_key_revoke
from apps.accounts.services.roles import roles_sync
from apps.accounts.services.users import (
    AccountError,
    second_factor_reset,
    user_activate,
    user_create,
    user_deactivate,
    user_role_change,
)

__all__ = [
    "AccountError",
    "access_request_approve",
    "access_request_create",
    "access_request_decline",
    "api_key_authenticate",
    "api_key_create",
    "api_key_revoke",
    "roles_sync",
    "second_factor_reset",
    "user_activate",
    "user_create",
    "user_deactivate",
    "user_role_change",
]
