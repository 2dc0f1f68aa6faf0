"""`challenge_model MODEL --reason R --by EMAIL`: let a version run in the champion's shadow, or none."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.registry.models import RegisteredModel
from apps.registry.selectors import DEFAULT_MODEL, version_from_reference
from apps.registry.services import model_challenge, model_challenge_end


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Let a model version score every new image beside the champion, unseen by readers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("model", nargs="?", metavar="MODEL", help="for example cxr:3")
        which.add_argument(
            "--end",
            nargs="?",
            const=DEFAULT_MODEL,
            metavar="NAME",
            help=f"take the challenger of this model out of the shadow; default: {DEFAULT_MODEL}",
        )
        parser.add_argument("--reason", required=True, help="kept with the move")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who decides it")

    def handle(self, *, model: str | None, end: str | None, reason: str, by: str, **options: Any) -> None:
        users = get_user_model()
        try:
            actor = Actor.of_user(users.objects.get(email=by.lower()), source="command line")
            if model:
                change = model_challenge(version=version_from_reference(model), reason=reason, actor=actor)
            else:
                change = model_challenge_end(
                    model=RegisteredModel.objects.get(name=end), reason=reason, actor=actor
                )
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except RegisteredModel.DoesNotExist:
            raise CommandError(f"No model is named {end}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Challenger: {change.to_version or 'none'}; before: {change.from_version or 'none'}."
        )
