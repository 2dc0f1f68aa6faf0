"""The worker's door into `ml`: loads model versions, lets them answer, draws what they saw.

Import it inside task bodies and commands only: it brings OpenVINO and OpenCV.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from django.conf import settings
from ml.explain.saliency import lung_outline_png, overlay_png
from ml.inference import ModelLoadError, load
from PIL import Image

from apps.core.errors import RetriableError
from ml.contracts import Classifier, Prediction, Radiograph, RejectedInputError
from ml.model_folder import ModelFolderError

logger = logging.getLogger(__name__)

KEPT_VERSIONS = 2
"""The present champion and the one before it, or the challenger."""

_loaded: OrderedDict[str, Classifier] = OrderedDict()
_lock = threading.Lock()


class ModelUnavailableError(RetriableError):
    """The version's folder is missing or damaged; work waits until it is restored."""


def classify(radiograph: Radiograph, *, folder: Path, sha256: str = "") -> Prediction:
    """Let the version in `folder` answer for one radiograph; it stays loaded, known by its digest.

    A version that is new here is put in front of the others only once it has answered, so that a broken
    one never displaces one that works. Raises `RejectedInputError` and `ModelUnavailableError`.
    """
    classifier = _loaded.get(sha256) or _load(folder, sha256)
    try:
        return classifier.classify(radiograph)
    except RejectedInputError:
        raise  # also an answer
    finally:
        _keep(classifier)


def _load(folder: Path, sha256: str) -> Classifier:
    with _lock:  # two threads that meet a new version load it once
        if classifier := _loaded.get(sha256):
            return classifier
        try:
            return load(
                folder,
                precision=settings.INFERENCE_PRECISION,
                expected_sha256=sha256 or None,
                operating_points=settings.RESULT_THRESHOLDS,
            )
        except (ModelFolderError, ModelLoadError, OSError) as error:
            raise ModelUnavailableError(str(error)) from error


def _keep(classifier: Classifier) -> None:
    with _lock:
        _loaded[classifier.sha256] = classifier
        _loaded.move_to_end(classifier.sha256)
        while len(_loaded) > KEPT_VERSIONS:
            digest, _ = _loaded.popitem(last=False)
            logger.info("Model version %s… is no longer loaded", digest[:12])


def preview_png(radiograph: Radiograph) -> bytes:
    """Draw the image as decoding handed it on: 8-bit grey, a long side of at most 1,024 pixels."""
    stream = BytesIO()
    Image.fromarray((radiograph.pixels * 255).astype(np.uint8)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def saliency_pngs(prediction: Prediction, *, size: tuple[int, int]) -> Mapping[str, bytes]:
    """Draw every finding's saliency map as a transparent PNG of `size` (height, width)."""
    box = prediction.box
    if box is None:
        return {}
    return {finding: overlay_png(cells, box=box, size=size) for finding, cells in prediction.saliency.items()}


def outline_png(prediction: Prediction, *, size: tuple[int, int]) -> bytes | None:
    """Draw the outline of the lungs as a transparent PNG of `size` (height, width)."""
    return None if prediction.lung_mask is None else lung_outline_png(prediction.lung_mask, size=size)
