"""`manage.py verify_storage`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress

from apps.core.registries import storage_checks


class Command(BaseCommand):
    """Hash again what is stored."""

    help = (
        "Hash every stored object and model again and compare with the database. Exit status: 0 when all are "
        "sound, 1 when any is gone or changed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Name what is damaged, sum up."""
        damaged = 0
        with Progress(console=Console(stderr=True)) as progress:
            for check in storage_checks:
                bar = progress.add_task(check.name, total=check.count())
                looked_at = problems = 0
                for problem in check.verify():
                    looked_at += 1
                    progress.advance(bar)
                    if problem:
                        problems += 1
                        self.stdout.write(problem)
                self.stdout.write(f"{check.name}: {looked_at} looked at, {problems} damaged")
                damaged += problems
        if damaged:
            raise SystemExit(1)
