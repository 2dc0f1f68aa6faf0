"""Whether probabilities can be taken at their word: calibration error, Brier score, reliability curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.resampling import Figure, PatientResamples, divided, rounded

CALIBRATION_BINS = 15
CURVE_BINS = 10


def calibration_error(resamples: PatientResamples, probabilities: Probabilities, targets: Targets) -> Figure:
    """Measure the expected calibration error of the most probable finding, 15 equal bins (Guo 2017).

    It is the mean gap between confidence and accuracy; resamples can only add noise to it, so that its
    interval lies a little high.
    """
    confidence, correct, bins = _binned(probabilities, targets)
    gaps = [
        np.abs(resamples.sums((confidence - correct) * (bins == number)))
        for number in range(CALIBRATION_BINS)
    ]
    return Figure(divided(np.sum(gaps, axis=0), resamples.sums(np.ones(len(targets)))))


def brier_score(resamples: PatientResamples, probabilities: Probabilities, targets: Targets) -> Figure:
    """Measure the Brier score over all findings, 0 (sure and right) to 2 (sure and wrong)."""
    truth = np.eye(probabilities.shape[1])[targets]
    return resamples.ratio(((probabilities - truth) ** 2).sum(axis=1), np.ones(len(targets)))


def reliability(
    resamples: PatientResamples, probabilities: Probabilities, targets: Targets
) -> list[dict[str, Any]]:
    """Give per bin of confidence that holds images: `n`, mean `confidence`, `accuracy` and its `interval`."""
    confidence, correct, bins = _binned(probabilities, targets)
    rows = []
    for number in np.unique(bins):
        there = bins == number
        accuracy = resamples.share(correct, there)
        rows.append(
            {
                "n": int(there.sum()),
                "confidence": rounded(confidence[there].mean()),
                "accuracy": accuracy.value,
                "interval": accuracy.interval,
            }
        )
    return rows


def class_reliability(truth: NDArray[np.bool_], probability: Probabilities) -> dict[str, list[float]]:
    """Give one finding's reliability, 10 equal bins: mean probability `stated`, share `observed`."""
    observed, stated = calibration_curve(truth, probability, n_bins=CURVE_BINS)
    return {
        "stated": [rounded(value) for value in stated],
        "observed": [rounded(value) for value in observed],
    }


def _binned(
    probabilities: Probabilities, targets: Targets
) -> tuple[Probabilities, NDArray[np.bool_], NDArray[np.intp]]:
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    return confidence, correct, bins
