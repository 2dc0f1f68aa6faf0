"""What `inconclusive` costs and buys: coverage of prediction sets, single findings, risk and coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.ranking import CURVE_POINTS
from ml.evaluation.resampling import Figure, Mask, PatientResamples, rounded


def set_figures(resamples: PatientResamples, sets: Mask, targets: Targets) -> dict[str, Figure]:
    """Measure prediction sets (n, k): how often they hold the truth, how large they are, how often single."""
    size = sets.sum(axis=1)
    inside = sets[np.arange(len(targets)), targets]
    every = np.ones(len(targets), np.bool_)
    return {
        "overall": resamples.share(inside, every),
        "mean_set_size": resamples.ratio(size, every),
        "single_finding": resamples.share(size == 1, every),
        "empty_set": resamples.share(size == 0, every),
        "accuracy_of_single_findings": resamples.share(inside, size == 1),
    }


def risk_coverage_area(resamples: PatientResamples, probabilities: Probabilities, targets: Targets) -> Figure:
    """Measure the area under the risk-coverage curve (Geifman 2019): the mean error over all coverages.

    0 is perfect; answering in random order gives the error rate.
    """
    order, wrong = _by_confidence(probabilities, targets)
    areas = []
    for weights in resamples.weights():
        answered = weights[:, order]
        errors, total = np.cumsum(answered * wrong, axis=1), np.cumsum(answered, axis=1)
        risk = errors / np.maximum(total, 1)
        areas.append(np.einsum("ij,ij->i", risk, answered, dtype=np.float64) / total[:, -1])
    return Figure(np.concatenate(areas))


def risk_coverage(probabilities: Probabilities, targets: Targets) -> dict[str, Any]:
    """Give the error rate (`risk`) among the most confident `coverage` of the images, thinned."""
    _, wrong = _by_confidence(probabilities, targets)
    answered = np.unique(np.linspace(1, len(wrong), CURVE_POINTS).astype(np.intp))
    errors = np.cumsum(wrong)[answered - 1]
    return {
        "coverage": [rounded(value) for value in answered / len(wrong)],
        "risk": [rounded(value) for value in errors / answered],
    }


def _by_confidence(probabilities: Probabilities, targets: Targets) -> tuple[NDArray[np.intp], Mask]:
    """Give the images' order, most confident first, and whether each is wrong, in that order."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    return order, (probabilities.argmax(axis=1) != targets)[order]
