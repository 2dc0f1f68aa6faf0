"""`manage.py add_peer NAME --ae-title T --host H --port P`"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PermanentError
from apps.gateway.services import peer_add


class Command(BaseCommand):
    """Make a PACS or modality known."""

    help = (
        "Make a PACS or modality known. Unknown callers are rejected; without --allow-store a peer gets 0124."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what a `RemoteAE` holds."""
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--ae-title", required=True, metavar="T")
        parser.add_argument("--host", required=True, metavar="H", help="where it listens, and may call from")
        parser.add_argument("--port", required=True, type=int, metavar="P")
        parser.add_argument("--network", default="", metavar="CIDR", help="where else it may call from")
        parser.add_argument("--tls", action="store_true", help="it speaks DICOM over TLS")
        parser.add_argument("--send-results", action="store_true", help="send it our results")
        parser.add_argument("--allow-store", action="store_true", help="it may store images here")
        parser.add_argument(
            "--storage-commitment", action="store_true", help="answer its commitment requests"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the peer."""
        wanted = ("name", "ae_title", "host", "port", "network", "tls", "send_results", "allow_store")
        fields = {field: options[field] for field in (*wanted, "storage_commitment")}
        try:
            peer = peer_add(**fields, actor=Actor.system("add_peer"))
        except PermanentError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{peer.name}: {peer.ae_title} at {peer.host}:{peer.port} is known now.")
