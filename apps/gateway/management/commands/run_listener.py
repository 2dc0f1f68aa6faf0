"""`manage.py run_listener`"""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

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
        listener = Listener(host=settings.DICOM_HOST, port=settings.DICOM_PORT)
        listener.start()
        host, port = listener.address
        announce_ready("listener", f"{host}:{port}")
        stop.wait()
        listener.drain()
