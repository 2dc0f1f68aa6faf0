"""What an inference worker loads before it takes work, and keeps loaded while it runs."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from apps.diagnosis.services import versions_warm
from apps.registry.selectors import champion, version_folder
from apps.studies.decoding.pool import decode_pool

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
"""A promoted version serves within two seconds: it is looked for this often, and is mostly loaded already."""


def inference_warm_up() -> None:
    """Start the decode pool and load the champion."""
    decode_pool().start()  # before OpenVINO starts threads of its own
    from apps.diagnosis import engine

    if version := champion():
        engine.version_load(folder=version_folder(version), sha256=version.sha256)
    else:
        logger.warning("No champion to load; work waits until one is registered")


class VersionWatch(threading.Thread):
    """Keeps champion and challenger loaded in this process, so that a switch waits for nothing."""

    def __init__(self) -> None:
        super().__init__(name="version-watch", daemon=True)
        self._ended = threading.Event()

    def run(self) -> None:
        """Look every second, on a database connection of this thread's own."""
        try:
            while not self._ended.wait(WATCH_SECONDS):
                try:
                    versions_warm()
                except DatabaseError as error:
                    logger.warning("Champion and challenger not looked for: %s", error)
                    connection.close()
        finally:
            connection.close()

    def end(self) -> None:
        """Stop looking and wait for a look that is under way."""
        self._ended.set()
        self.join()


def version_watch_start() -> None:
    """Start watching, for as long as the worker lives."""
    VersionWatch().start()
