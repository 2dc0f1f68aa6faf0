"""`promote_model MODEL --reason R --by EMAIL [--override]`: make a version the champion."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.registry.selectors import version_from_reference
from apps.registry.services import model_promote


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Make a model version the champion: it gives the results from now on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="for example cxr:3")
        parser.add_argument("--reason", required=True, help="kept with the move")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who approves it")
        parser.add_argument(
            "--override",
            action="store_true",
            help="promote although audit or comparison speak against it; the reason is kept with that",
        )

    def handle(self, *, model: str, reason: str, by: str, override: bool, **options: Any) -> None:
        users = get_user_model()
        try:
            actor = Actor.of_user(users.objects.get(email=by.lower()), source="command line")
            change = model_promote(
                version=version_from_reference(model), reason=reason, actor=actor, override=override
            )
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        for objection in change.overridden:
            self.stdout.write(f"Overridden: {objection}")
        self.stdout.write(f"{change.to_version} is champion now; before: {change.from_version or 'none'}.")
