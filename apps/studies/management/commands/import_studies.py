"""`manage.py import_studies PATH…`"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.core.errors import PermanentError, RetriableError
from apps.studies.models import Received
from apps.studies.services.ingest import object_ingest

_OUTCOMES = ("stored", "known", "conflict", "quarantined", "refused")


class Command(BaseCommand):
    """Take in folders or files the way C-STORE does."""

    help = (
        "Take in DICOM, PNG and JPEG files, or folders of them, with the guarantees of C-STORE. Exit status: "
        "0 when every file was stored or known, 1 when any was set aside or refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the paths."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ingest each file, show a bar, sum up."""
        paths: list[Path] = options["paths"]
        if missing := [str(path) for path in paths if not path.exists()]:
            raise CommandError(f"There is no {', '.join(missing)}.")
        files = [file for path in paths for file in _files(path)]
        if not files:
            raise CommandError("These folders hold no files.")
        console = Console(stderr=True)
        counts: Counter[str] = Counter()
        columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            for file in progress.track(files):
                outcome, detail = _ingest(file)
                counts[outcome] += 1
                if detail:
                    console.print(f"{outcome}: {file}: {detail}", markup=False, highlight=False)
        self.stdout.write(", ".join(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES))
        if counts["stored"] + counts["known"] < len(files):
            raise SystemExit(1)


def _files(path: Path) -> Iterator[Path]:
    """Find files, in order; hidden ones and a CD's DICOMDIR are no images."""
    if path.is_file():
        yield path
        return
    for found in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.is_file() and not hidden and found.name != "DICOMDIR":
            yield found


def _ingest(file: Path) -> tuple[str, str]:
    try:
        result = object_ingest(
            source=file,
            door=Received.Door.IMPORT,
            sender="import_studies",
            actor="import_studies",
            file_name=file.name,
        )
    except RetriableError as error:
        raise CommandError(
            f"Stopped at {file}: {error} Run the command again; what was stored is known."
        ) from error
    except (PermanentError, OSError) as error:
        return "refused", str(error)
    return result.outcome, result.detail
