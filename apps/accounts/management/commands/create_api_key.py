"""`create_api_key EMAIL --scope SCOPE… [--days N]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import User
from apps.accounts.scopes import SCOPES
from apps.accounts.services import AccountError, api_key_create
from apps.accounts.services.api_keys import DEFAULT_DAYS


class Command(BaseCommand):
    help = "Make an API key for an account and print it, once, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--scope",
            dest="scopes",
            required=True,
            action="extend",
            nargs="+",
            choices=SCOPES,
            metavar="SCOPE",
            help=f"one or several of {', '.join(SCOPES)}; the role of the account is the upper bound",
        )
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS)

    def handle(self, *args: Any, email: str, scopes: list[str], days: int, **options: Any) -> None:
        """Make the key."""
        try:
            user = User.objects.get(email=email.strip().lower())
        except User.DoesNotExist:
            raise CommandError(f"{email} has no account: make one with create_user.") from None
        try:
            _, key = api_key_create(user=user, scopes=scopes, days=days, by="create_api_key")
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(key)
