"""`import_model FILE --by EMAIL`: register the version in an archive, after every check."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.registry.services import version_import


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Register the model version in an archive from `export_model`; another person may promote it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who answers for it")
        parser.add_argument(
            "--name", default="", metavar="NAME", help="default: the model's name in the archive"
        )

    def handle(self, *, file: Path, by: str, name: str, **options: Any) -> None:
        users = get_user_model()
        try:
            actor = Actor.of_user(users.objects.get(email=by.lower()), source="command line")
            if not file.is_file():
                raise CommandError(f"{file} is no file; expected an archive from `manage.py export_model`.")
            imported = version_import(archive=file, actor=actor, name=name)
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        known = " (it was registered before)" if imported.known else ""
        self.stdout.write(f"{imported.version}{known}")
