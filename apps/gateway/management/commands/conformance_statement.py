"""`manage.py conformance_statement`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.gateway.conformance import conformance_statement


class Command(BaseCommand):
    """Print the DICOM conformance statement."""

    help = "Print the DICOM conformance statement (PS3.2), generated from the code, as Markdown."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(conformance_statement(), ending="")
