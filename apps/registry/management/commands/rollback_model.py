"""`rollback_model --reason R --by EMAIL`: give `champion` back to the version before."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.registry.models import RegisteredModel
from apps.registry.selectors import DEFAULT_MODEL
from apps.registry.services import model_rollback


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Give champion back to the version that had it before the last promotion."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME", help="default: %(default)s")
        parser.add_argument("--reason", required=True, help="kept with the move")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who decides it")

    def handle(self, *, model: str, reason: str, by: str, **options: Any) -> None:
        users = get_user_model()
        try:
            actor = Actor.of_user(users.objects.get(email=by.lower()), source="command line")
            change = model_rollback(model=RegisteredModel.objects.get(name=model), reason=reason, actor=actor)
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except RegisteredModel.DoesNotExist:
            raise CommandError(f"No model is named {model}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{change.to_version} is champion again; before: {change.from_version}.")
