"""`evaluate_model MODEL --manifest CSV --report OUT.json`: measure a registered version."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.services import version_evaluate


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Measure a model version on a manifest's radiographs; fitness is not applied, every image counts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="cxr:3 or cxr@champion")
        parser.add_argument("--manifest", type=Path, required=True, metavar="CSV")
        parser.add_argument("--fold", type=int, help="only this fold of the manifest")
        parser.add_argument("--report", type=Path, required=True, metavar="OUT.json")

    def handle(self, *, model: str, manifest: Path, fold: int | None, report: Path, **options: Any) -> None:
        try:
            result = version_evaluate(
                reference=model,
                manifest=manifest.resolve(),
                fold=fold,
                actor=Actor.system("evaluate_model"),
                report=self.stderr.write,
            )
            report.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        except PlatformError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{report} cannot be written: {error.strerror}.") from error
        low, high = result["intervals"]["accuracy"]
        self.stdout.write(
            f"{model}: {result['n']} images, accuracy {result['accuracy']:.3f} ({low:.3f} to {high:.3f}), "
            f"balanced {result['balanced_accuracy']:.3f}; the rest is in {report}."
        )
