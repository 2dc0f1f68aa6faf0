"""`audit_model MODEL --manifest CSV --report OUT.json`: does a registered version look at the lungs?"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.management.report_files import ReportFiles
from apps.retraining.management.terminal import progress_shown
from apps.retraining.services import version_audit


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = (
        "Run the audit A1 to A12 on a model version; writes OUT.json and a page OUT.html beside it, and "
        "keeps the result with the version."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="cxr:3 or cxr@champion")
        parser.add_argument("--manifest", nargs="+", type=Path, required=True, metavar="CSV")
        parser.add_argument(
            "--fold", type=int, help="this fold of the manifest instead of the version's own test fold"
        )
        parser.add_argument(
            "--retrain",
            action="store_true",
            help="also train the recipe without lungs and on shuffled labels: twice as long as training it",
        )
        parser.add_argument("--report", type=Path, required=True, metavar="OUT.json")

    def handle(
        self,
        *,
        model: str,
        manifest: list[Path],
        fold: int | None,
        retrain: bool,
        report: Path,
        **options: Any,
    ) -> None:
        files = ReportFiles(report, report.with_suffix(".html"))
        try:
            with progress_shown(self.stderr) as shown:
                audit = version_audit(
                    reference=model,
                    manifests=[path.resolve() for path in manifest],
                    fold=fold,
                    retrain=retrain,
                    actor=Actor.system("audit_model"),
                    report=shown,
                )
        except PlatformError as error:
            raise CommandError(str(error)) from error
        files.write(audit.result, audit.page)
        for check in audit.result["checks"]:
            figure = "" if check["figure"] is None else f" {check['figure']:.3f}"
            self.stdout.write(f"{check['code']:<4}{check['verdict']:<14}{check['name']}{figure}")
        self.stdout.write(f"{model}: {audit.result['verdict']}. {audit.result['summary']} See {files.page}.")
