"""`import_consents CSV [--by EMAIL]`: record the decisions that a site keeps in a sheet."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.services import consents_import


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = (
        "Record consent from a CSV with patient_id, decision (granted, withdrawn), decided_on (YYYY-MM-DD) "
        "and, if there, issuer_of_patient_id, scope (site, shared), evidence. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("csv", type=Path, metavar="CSV")
        parser.add_argument("--by", metavar="EMAIL", help="who records it; needs the right to review")

    def handle(self, *, csv: Path, by: str | None, **options: Any) -> None:
        """Record, and say what became of the lines."""
        users = get_user_model()
        try:
            actor = (
                Actor.of_user(users.objects.get(email=by.lower()), source="command line")
                if by
                else Actor.system("import_consents")
            )
            done = consents_import(path=csv, actor=actor)
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{done.recorded} recorded, {done.known} known before, "
            f"{done.unknown_patients} of patients who are not here yet"
        )
