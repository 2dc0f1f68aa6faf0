"""`evaluate_model MODEL --manifest CSV --report OUT.json`: measure a registered version."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.management.report_files import ReportFiles
from apps.retraining.management.terminal import progress_shown
from apps.retraining.services import version_evaluate


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = (
        "Measure a model version on a manifest's radiographs; fitness is not applied, every image counts. "
        "Writes OUT.json and a page with the drawings, OUT.html beside it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="cxr:3 or cxr@champion")
        parser.add_argument("--manifest", type=Path, required=True, metavar="CSV")
        parser.add_argument("--fold", type=int, help="only this fold of the manifest")
        parser.add_argument("--report", type=Path, required=True, metavar="OUT.json")
        parser.add_argument("--html", type=Path, metavar="OUT.html", help="where the page goes instead")

    def handle(
        self,
        *,
        model: str,
        manifest: Path,
        fold: int | None,
        report: Path,
        html: Path | None,
        **options: Any,
    ) -> None:
        files = ReportFiles(report, html or report.with_suffix(".html"))
        try:
            with progress_shown(self.stderr) as shown:
                evaluation = version_evaluate(
                    reference=model,
                    manifest=manifest.resolve(),
                    fold=fold,
                    actor=Actor.system("evaluate_model"),
                    report=shown,
                )
        except PlatformError as error:
            raise CommandError(str(error)) from error
        files.write(evaluation.result, evaluation.page)
        result = evaluation.result
        low, high = result["intervals"]["accuracy"]
        self.stdout.write(
            f"{model}: {result['n']} images, accuracy {result['accuracy']:.3f} ({low:.3f} to {high:.3f}), "
            f"balanced {result['balanced_accuracy']:.3f}; the rest is in {files.report} and {files.page}."
        )
