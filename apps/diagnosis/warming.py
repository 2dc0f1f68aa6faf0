"""What an inference worker loads before it takes work, so that the first image is not the slow one."""

from __future__ import annotations

import logging

import numpy as np

from apps.registry.selectors import champion, version_folder
from apps.studies.decoding.pool import decode_pool
from ml.contracts import Radiograph, RadiographFacts, RejectedInputError

logger = logging.getLogger(__name__)


def inference_warm_up() -> None:
    """Start the decode pool, then load the champion and let it look at a blank image."""
    decode_pool().start()  # before OpenVINO starts threads of its own
    from apps.diagnosis import engine

    version = champion()
    if version is None:
        logger.warning("No champion to load; work waits until one is registered")
        return
    blank = Radiograph(np.zeros((512, 512), np.float32), RadiographFacts(file_format="png"))
    try:
        engine.classify(blank, folder=version_folder(version), sha256=version.sha256)
    except RejectedInputError:
        logger.info("%s is loaded", version)
