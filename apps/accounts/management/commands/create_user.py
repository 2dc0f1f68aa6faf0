"""`create_user EMAIL --role ROLE --password-stdin`."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import AccountError, user_create


class Command(BaseCommand):
    help = "Create an account with a role; its password is the first line of standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            required=True,
            help="read the password from standard input: on a command line others could see it",
        )

    def handle(self, *args: Any, email: str, role: str, **options: Any) -> None:
        """Create the account."""
        password = sys.stdin.readline().rstrip("\r\n")
        try:
            user_create(email=email, role=Role(role), password=password, by="create_user")
        except AccountError as error:
            raise CommandError(str(error)) from error
        try:
            validate_password(password, User(email=email))
        except ValidationError as error:
            self.stderr.write(f"Weak password: {' '.join(error.messages)} Have its owner change it.")
        self.stderr.write(f"{email} can sign in as {Role(role).label.lower()}.")
