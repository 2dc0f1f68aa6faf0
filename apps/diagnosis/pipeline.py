"""From stored bytes to an answer: decode in isolation, check fitness, predict, rank. No database.

The worker and `predict` both come through here, so that a result is the same wherever it was asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from apps.diagnosis.models import Triage
from apps.diagnosis.triage import triage_of
from apps.studies.decoding.pool import decode_pool
from ml.contracts import Prediction, Radiograph


@dataclass(frozen=True, slots=True)
class Classification:
    """What one model version said about one image; times in milliseconds."""

    radiograph: Radiograph
    prediction: Prediction
    triage: Triage
    timing_ms: dict[str, float]


def radiograph_classify(source: bytes | Path, *, folder: Path, sha256: str) -> Classification:
    """Decode and classify one DICOM object, PNG or JPEG by the model version in `folder`.

    Raises `RejectedInputError` when the object is not a usable frontal chest radiograph, and
    `RetriableError` when the decode pool or the model is unavailable.
    """
    from apps.diagnosis import engine

    begun = time.perf_counter()
    radiograph = decode_pool().decode(source)
    decoded = time.perf_counter()
    classifier = engine.version_load(folder=folder, sha256=sha256)
    prediction = classifier.classify(radiograph)
    timing_ms = {
        "decode": 1000 * (decoded - begun),
        **prediction.timing_ms,
        "total": 1000 * (time.perf_counter() - begun),
    }
    return Classification(
        radiograph=radiograph,
        prediction=prediction,
        triage=triage_of(
            label=prediction.label,
            prediction_set=prediction.prediction_set,
            probabilities=prediction.probabilities,
            operating_points=prediction.operating_points,
            classes=classifier.spec.classes,
        ),
        timing_ms={part: round(milliseconds, 2) for part, milliseconds in timing_ms.items()},
    )
