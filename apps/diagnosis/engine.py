"""The worker's door into `ml`: loads model versions, lets them answer, draws what they saw.

Import it inside task bodies and commands only: it brings OpenVINO and OpenCV.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from apps.core.errors import RetriableError
from ml.contracts import WORKING_LONG_SIDE, Box, Classifier, Prediction, Radiograph
from ml.explain.saliency import lung_outline_png, overlay_png
from ml.inference import ModelLoadError, load
from ml.model_folder import ModelFolderError

logger = logging.getLogger(__name__)

KEPT_VERSIONS = 3
"""The champion, the one before it, to which a roll-back returns at once, and the challenger."""

_loaded: OrderedDict[str, Classifier] = OrderedDict()
_loading: dict[str, threading.Lock] = {}
_lock = threading.Lock()


class ModelUnavailableError(RetriableError):
    """The version's folder is missing or damaged; work waits until it is restored."""


def version_load(*, folder: Path, sha256: str) -> Classifier:
    """Return the version in `folder`, loaded once and known by its digest.

    A new version replaces the oldest one only after it has answered, so that a broken one never displaces
    one that works; while it loads, the others go on answering. Raises `ModelUnavailableError`.
    """
    with _lock:
        if classifier := _known(sha256):
            return classifier
        turn = _loading.setdefault(sha256, threading.Lock())
    with turn:  # two threads that meet a new version load it once
        with _lock:
            if classifier := _known(sha256):
                return classifier
        try:
            classifier = load(
                folder,
                precision=settings.INFERENCE_PRECISION,
                operating_points=settings.RESULT_THRESHOLDS,
                expected_sha256=sha256,
            )
        except (ModelFolderError, ModelLoadError, OSError) as error:
            raise ModelUnavailableError(f"The model in {folder} cannot be loaded: {error}") from error
        with _lock:
            _loaded[sha256] = classifier
            _loading.pop(sha256, None)
            while len(_loaded) > KEPT_VERSIONS:
                digest, _ = _loaded.popitem(last=False)
                logger.info("Model version %s… is no longer loaded", digest[:12])
    return classifier


def _known(sha256: str) -> Classifier | None:
    """Return a loaded version and count it as just used; the lock is held."""
    if classifier := _loaded.get(sha256):
        _loaded.move_to_end(sha256)
    return classifier


def preview_png(radiograph: Radiograph) -> bytes:
    """Draw the image as decoding handed it on: 8-bit grey, a long side of at most 1,024 pixels."""
    stream = BytesIO()
    Image.fromarray((radiograph.pixels * 255).astype(np.uint8)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def saliency_pngs(
    prediction: Prediction, *, size: tuple[int, int], long_side: int = WORKING_LONG_SIDE
) -> Mapping[str, bytes]:
    """Draw every finding's saliency map over an image of `size` (height, width), as transparent PNGs.

    They have the image's geometry and at most `long_side` pixels: the maps are smooth, so that enlarging a
    smaller drawing looks the same, and it is made faster.
    """
    if prediction.box is None:
        return {}
    scale, reduced = _reduced(size, long_side)
    box = Box(*(round(scale * edge) for edge in astuple(prediction.box)))
    return {
        finding: overlay_png(evidence, box=box, size=reduced)
        for finding, evidence in prediction.saliency.items()
    }


def outline_png(
    prediction: Prediction, *, size: tuple[int, int], long_side: int = WORKING_LONG_SIDE
) -> bytes | None:
    """Draw the outline of the lungs as a transparent PNG, reduced as `saliency_pngs` does."""
    if prediction.lung_mask is None:
        return None
    _, reduced = _reduced(size, long_side)
    return lung_outline_png(prediction.lung_mask, size=reduced)


def _reduced(size: tuple[int, int], long_side: int) -> tuple[float, tuple[int, int]]:
    """Return the scale, at most 1, that gives `size` this long side, and the size at that scale."""
    scale = min(1.0, long_side / max(size))
    return scale, (max(1, round(scale * size[0])), max(1, round(scale * size[1])))
