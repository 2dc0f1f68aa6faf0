"""What allauth asks us."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest

from apps.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """New accounts are requests: inactive until an administrator approves them."""

    def new_user(self, request: HttpRequest) -> User:
        """Make the user that `RequestAccessForm` fills in; it never exists as an active one."""
        return User(is_active=False)

    def get_user_search_fields(self) -> list[str]:
        """Name the fields by which Django admin finds people."""
        return ["email", "first_name", "last_name"]


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticator apps encrypted: a copy of the database opens no account.

    The key is derived from `SECRET_KEY`; after a change of it, `SECRET_KEY_FALLBACKS` still reads.
    """

    def encrypt(self, text: str) -> str:
        """Encrypt a secret for the database."""
        return _ciphers().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Read a secret back; raises `cryptography.fernet.InvalidToken` when no key fits."""
        return _ciphers().decrypt(encrypted_text.encode()).decode()


def _ciphers() -> MultiFernet:
    keys: list[Any] = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(secret: str) -> bytes:
    digest = hashlib.blake2b(secret.encode(), digest_size=32, person=b"cxr-2nd-factor").digest()
    return base64.urlsafe_b64encode(digest)
