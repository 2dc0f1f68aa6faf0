"""The two files that a measuring command writes: a report as JSON, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where report and page go; asking for it checks both, before any work is done.

    Raises `CommandError` where the two are one file, or a folder is missing.
    """

    report: Path
    page: Path

    def __post_init__(self) -> None:
        if self.page == self.report:
            raise CommandError(
                f"{self.report} is where the page goes; give the report another suffix, .json."
            )
        for path in (self.report, self.page):
            if not path.parent.is_dir():
                raise CommandError(f"{path} cannot be written: there is no folder {path.parent}.")

    def write(self, result: Mapping[str, Any], page: str) -> None:
        """Write both. Raises `CommandError`."""
        try:
            self.report.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
            self.page.write_text(page)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error
