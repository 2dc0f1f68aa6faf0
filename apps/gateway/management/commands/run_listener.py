"""`manage.py run_listener`"""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.supervision import announce_ready
from apps.gateway.listener import Listener


class Command(BaseCommand):
    """Run the DICOM listener until SIGTERM or SIGINT."""

    help = "Accept C-ECHO and C-STORE on CXR_DICOM_HOST:CXR_DICOM_PORT (0 picks a free port) until SIGTERM."
    requires_system_checks = ()  # they would load every page and serializer; `up` and CI run them

    def handle(self, *args: Any, **options: Any) -> None:
        """Say `LISTENER READY host:port` once associations are accepted, then wait for the signal."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            listener = Listener(host=settings.DICOM_HOST, port=settings.DICOM_PORT)
        except OSError as error:
            raise CommandError(
                f"CXR_DICOM_HOST:CXR_DICOM_PORT {settings.DICOM_HOST}:{settings.DICOM_PORT} cannot be "
                f"listened on: {error.strerror}."
            ) from error
        listener.start()
        host, port = listener.address
        announce_ready("listener", f"{host}:{port}")
        if not listener.serve_until(stop):
            raise CommandError("The listener ended unexpectedly; the log says why.")
        listener.drain()
