"""`compare_model MODEL --manifest CSV`: is a registered version better than the present champion?"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.management.terminal import progress_shown
from apps.retraining.services.comparison import version_compare


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = (
        "Compare a model version with the present champion on the same images and keep the result with it; "
        "for a candidate that was made before the champion changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="cxr:3 or cxr@challenger")
        parser.add_argument(
            "--manifest", nargs="+", type=Path, required=True, metavar="CSV", help="those it was trained on"
        )

    def handle(self, *, model: str, manifest: list[Path], **options: Any) -> None:
        try:
            with progress_shown(self.stderr) as report:
                comparison = version_compare(
                    reference=model,
                    manifests=[path.resolve() for path in manifest],
                    actor=Actor.system("compare_model"),
                    report=report,
                )
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{model} and {comparison['champion']} on {comparison['n']} images:")
        for row in comparison["rows"]:
            self.stdout.write(
                f"{row['metric']:<34}{row['candidate']:>8.4f}{row['champion']:>8.4f}  {row['verdict']}"
            )
        self.stdout.write(f"{model}: {comparison['meaning']}")
