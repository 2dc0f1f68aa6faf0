"""`verify_audit_log`: exit 1 and the first broken row if the chain does not hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.services import chain_verify, head_accept
from apps.core.errors import PermanentError


class Command(BaseCommand):
    help = (
        "Recompute every seal of the audit log; exit 1 and the first broken row if the chain does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-head",
            metavar="REASON",
            help="after restoring a backup: go on from the end of the log as it is; recorded in the log",
        )

    def handle(self, *args: Any, accept_head: str | None, **options: Any) -> None:
        """Verify, or accept the log's end."""
        try:
            found = head_accept(by="verify_audit_log", reason=accept_head) if accept_head else chain_verify()
        except (PermanentError, ValueError) as error:
            raise CommandError(str(error)) from error
        if not found.holds and not accept_head:
            raise CommandError(f"Broken at event {found.broken_at}: {found.problem}")
        waiting = f", {found.unsealed} not sealed yet" if found.unsealed else ""
        self.stdout.write(f"The audit log holds: {found.events} sealed events{waiting}.")
        if accept_head:
            self.stdout.write("Its end was accepted as it is; the log says so.")
