"""`build_manifest FOLDER|s3://… --out CSV`: class folders to a manifest, with a report on what they hold."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.core.errors import PlatformError
from apps.retraining.management.manifest_tables import report_tables

BESIDE = Path()
"""`--report` without a path."""


def _label(text: str) -> tuple[str, str]:
    folder, separator, label = text.rpartition("=")
    if not separator or not folder or not label:
        raise ArgumentTypeError(f"{text!r}: expected FOLDER=label, for example Tuberculosis=skip")
    return folder, label


class Command(BaseCommand):
    """Parse, call the service, show the report."""

    help = (
        "Make a manifest of class folders (COVID/, NORMAL/, train/PNEUMONIA/ …): copies are left out, a "
        "patient's images and near-duplicates share a group, folds keep groups together."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "places", nargs="+", metavar="FOLDER|s3://…", help="s3://bucket/prefix?endpoint_url=…"
        )
        parser.add_argument("--out", type=Path, required=True, metavar="CSV")
        parser.add_argument("--source", nargs="+", default=(), metavar="S", help="a name for each place")
        parser.add_argument("--licence", default="", metavar="L")
        parser.add_argument("--citation", default="", metavar="TEXT", help="what the authors ask to cite")
        parser.add_argument(
            "--label",
            action="append",
            type=_label,
            default=[],
            metavar="FOLDER=label",
            help="what a folder holds where its name does not say it; `skip` leaves it out",
        )
        parser.add_argument("--keep-conflicts", action="store_true", help="list copies with other labels too")
        parser.add_argument("--folds", type=int, default=5)
        parser.add_argument("--seed", type=int, default=20)
        parser.add_argument(
            "--report", type=Path, nargs="?", const=BESIDE, metavar="JSON", help="by default beside the CSV"
        )

    def handle(self, *, places: list[str], out: Path, report: Path | None, **options: Any) -> None:
        from apps.retraining.manifests import ManifestRequest, manifest_build, report_write

        if options["folds"] < 2:
            raise CommandError(f"--folds is {options['folds']}; expected at least 2.")
        request = ManifestRequest(
            places=tuple(places),
            out=out,
            sources=tuple(options["source"]),
            licence=options["licence"],
            citation=options["citation"],
            labels=dict(options["label"]),
            keep_conflicts=options["keep_conflicts"],
            folds=options["folds"],
            seed=options["seed"],
        )
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(*columns, console=Console(stderr=True)) as bar:
                tasks = {}

                def progress(stage: str, done: int, total: int) -> None:
                    if stage not in tasks:
                        tasks[stage] = bar.add_task(stage, total=total)
                    bar.update(tasks[stage], completed=done)

                result = manifest_build(request, progress=progress)
            if report is not None:
                report_write(result, out.with_suffix(".report.json") if report == BESIDE else report)
        except PlatformError as error:
            raise CommandError(str(error)) from error
        console = Console()
        for part in report_tables(result):
            console.print(part)
        self.stdout.write(f"{result['images']['listed']} images in {result['groups']} groups: {out}")
