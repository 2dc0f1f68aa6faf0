"""`make_snapshot --name N [--manifest CSV…] [--by EMAIL]`: freeze a data set now."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.management.terminal import progress_shown
from apps.retraining.models import DatasetSnapshot, ResearchConsent
from apps.retraining.services import snapshot_build, snapshot_request


class Command(BaseCommand):
    """Parse, call the services, answer."""

    help = "Freeze the site's read, consented images, and manifests, as a data set; prints its SHA-256."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="what people call it")
        parser.add_argument("--manifest", nargs="+", type=Path, default=[], metavar="CSV")
        parser.add_argument(
            "--consent-scope",
            choices=ResearchConsent.Scope.values,
            default=ResearchConsent.Scope.SITE,
            help="site: for models of this house; shared: only who agreed that it leaves the house",
        )
        parser.add_argument("--folds", type=int, default=5)
        parser.add_argument("--seed", type=int, default=20)
        parser.add_argument("--by", metavar="EMAIL", help="who asks for it; needs the right to train")

    def handle(
        self, *, name: str, manifest: list[Path], by: str | None, folds: int, seed: int, **options: Any
    ) -> None:
        """Make it, with its progress on the terminal."""
        users = get_user_model()
        try:
            actor = (
                Actor.of_user(users.objects.get(email=by.lower()), source="command line")
                if by
                else Actor.system("make_snapshot")
            )
            snapshot = snapshot_request(
                name=name,
                actor=actor,
                manifests=[path.resolve() for path in manifest],
                consent_scope=options["consent_scope"],
                folds=folds,
                seed=seed,
                enqueue=False,
            )
            with progress_shown(self.stderr) as report:
                snapshot_build(snapshot_id=snapshot.pk, report=report)
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        snapshot.refresh_from_db()
        if snapshot.status != DatasetSnapshot.Status.COMPLETED:
            raise CommandError(snapshot.error or f"{snapshot} is {snapshot.status}: a trainer took it over.")
        self.stdout.write(snapshot.sha256)
