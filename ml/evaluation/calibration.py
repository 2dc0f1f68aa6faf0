"""Turn logits into probabilities, prediction sets and operating points, on a fold kept for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml.contracts import FloatImage

OPERATING_SENSITIVITY = 0.9
"""Sensitivity on the calibration fold that each finding's operating point aims at."""

Targets = NDArray[np.intp]
Probabilities = NDArray[np.float64]


def fit_temperature(logits: FloatImage, targets: Targets) -> float:
    """Find the divisor of the logits (n, k) with the smallest negative log-likelihood (Guo 2017)."""

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(targets)), targets].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def calibrated(logits: FloatImage, temperature: float) -> Probabilities:
    """Give probabilities (n, k): softmax of logits over temperature."""
    return np.asarray(softmax(logits.astype(np.float64) / temperature, axis=1))


def conformal_quantiles(
    probabilities: Probabilities, targets: Targets, labels: Sequence[str], *, miscoverage: float
) -> Mapping[str, float]:
    """Give each finding's conformal quantile of 1 - p(true finding), on its own images only.

    Class-conditional (Mondrian) split conformal prediction (Vovk 2012, Sadinle 2019): a new image of a
    finding has that finding in its set with probability of at least 1 - miscoverage, for every
    finding and not only on average, as long as images are exchangeable. With too few images the
    quantile is 1: the finding is always in the set.

    MAPIE (1.6) covers on average, or conditionally on features but not on the true class, and does not
    give out the quantile that `model.json` keeps. A test holds each finding's quantile against MAPIE's
    split classifier on that finding's images alone.
    """
    quantiles = {}
    for k, label in enumerate(labels):
        scores = np.sort(1.0 - probabilities[targets == k, k])
        rank = int(np.ceil((len(scores) + 1) * (1.0 - miscoverage)))
        quantiles[label] = float(scores[rank - 1]) if rank <= len(scores) else 1.0
    return quantiles


def prediction_sets(
    probabilities: Probabilities, quantiles: Mapping[str, float], labels: Sequence[str]
) -> NDArray[np.bool_]:
    """Tell for each image and finding (n, k) whether the finding is in the prediction set."""
    thresholds = 1.0 - np.array([quantiles[label] for label in labels])
    return np.asarray(probabilities >= thresholds)


def operating_points(
    probabilities: Probabilities, targets: Targets, labels: Sequence[str]
) -> Mapping[str, float]:
    """Give the highest probability threshold per finding that keeps `OPERATING_SENSITIVITY`.

    Raises `ValueError` when a finding has no image: no threshold can be chosen for it.
    """
    if absent := [label for k, label in enumerate(labels) if not (targets == k).any()]:
        raise ValueError(
            f"No calibration image of {', '.join(absent)}; expected at least one per finding to choose its "
            "operating point. Calibrate on a fold that has all of them."
        )
    return {
        label: float(np.quantile(probabilities[targets == k, k], 1.0 - OPERATING_SENSITIVITY, method="lower"))
        for k, label in enumerate(labels)
    }
