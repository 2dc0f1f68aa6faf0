"""What an inference worker loads before it takes work, so that the first image is not the slow one."""

from __future__ import annotations

import logging

from apps.registry.selectors import champion, version_folder
from apps.studies.decoding.pool import decode_pool

logger = logging.getLogger(__name__)


def inference_warm_up() -> None:
    """Start the decode pool and load the champion."""
    decode_pool().start()  # before OpenVINO starts threads of its own
    from apps.diagnosis import engine

    if version := champion():
        engine.version_load(folder=version_folder(version), sha256=version.sha256)
    else:
        logger.warning("No champion to load; work waits until one is registered")
