"""`predict FILE…`: classify files without a server, through the same pipeline as the worker."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.core.errors import PlatformError
from apps.core.logs import plain_text
from apps.diagnosis.models import Triage
from apps.diagnosis.offline import SaliencyFolder, file_classify, model_choose
from apps.studies.decoding.pool import decode_pool
from ml.contracts import INCONCLUSIVE, RejectionCode

NOTICE = "Decision support for research and evaluation; not a medical device."


class Command(BaseCommand):
    """Parse, classify each file, answer."""

    help = "Classify chest radiographs (DICOM, PNG, JPEG) without a server."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--json", action="store_true", help="one JSON object per line and file")
        parser.add_argument(
            "--model",
            metavar="M",
            help="cxr:3, cxr@champion or a model folder; default: the champion, without a database the "
            "bundled model",
        )
        parser.add_argument(
            "--saliency-dir",
            type=Path,
            metavar="DIR",
            help="write the saliency maps there, one PNG per finding",
        )

    def handle(
        self, *, files: list[str], json: bool, model: str | None, saliency_dir: Path | None, **options: Any
    ) -> None:
        decode_pool().start()  # before OpenVINO starts threads of its own
        try:
            chosen = model_choose(model)
            chosen.load()
        except PlatformError as error:
            raise CommandError(str(error)) from error
        saliency = SaliencyFolder(saliency_dir) if saliency_dir else None
        results = (file_classify(file, model=chosen, saliency=saliency) for file in files)
        failed = self._write_lines(results) if json else self._write_table(results, len(files))
        if failed:
            raise SystemExit(1)

    def _write_lines(self, results: Iterator[dict[str, Any]]) -> bool:
        failed = False
        for answer in results:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            failed |= is_failure(answer)
        return failed

    def _write_table(self, results: Iterator[dict[str, Any]], count: int) -> bool:
        failed = False
        table = Table(caption=NOTICE, title=f"{count} files" if count > 1 else None)
        for heading in ("file", "result", "p", "triage", "ms", "notes"):
            table.add_column(heading, overflow="fold")
        console = Console()
        with console.status("Classifying"):
            for answer in results:
                table.add_row(*_row(answer))
                failed |= is_failure(answer)
        console.print(table)
        return failed


def is_failure(answer: dict[str, Any]) -> bool:
    """Tell whether the command must end with 1; a refusal for a clinical reason is an answer."""
    codes = {rejection["code"] for rejection in answer["rejections"]}
    return answer["status"] == "failed" or RejectionCode.UNREADABLE in codes


def _row(answer: dict[str, Any]) -> list[Text]:
    """Put a result into words; names of files may hold anything, so that no markup is read from them."""
    probabilities, label = answer["probabilities"], answer["label"] or answer["status"]
    notes = [f"{rejection['code']}: {rejection['detail']}" for rejection in answer["rejections"]]
    if label == INCONCLUSIVE:
        notes.append("perhaps " + " or ".join(answer["prediction_set"] or ["something else"]))
    styles = {str(Triage.URGENT.label): "bold red", str(Triage.PRIORITY.label): "yellow"}
    cells = [
        answer["file"],
        label,
        f"{probabilities[label]:.2f}" if label in probabilities else "",
        answer["triage"],
        f"{answer['timing_ms']['total']:.0f}" if answer["timing_ms"] else "",
        "; ".join([*notes, *answer["warnings"]]),
    ]
    return [Text(plain_text(cell), style=styles.get(answer["triage"], "")) for cell in cells]
