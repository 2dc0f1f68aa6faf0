"""95 % intervals of the audit's figures, and the balanced accuracy that several of them rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from ml.audit.checks import Interval
from ml.evaluation.resampling import INTERVAL_PERCENTILES, PatientResamples

RESAMPLES = 500

Weights = NDArray[np.float32]


def proportion_interval(hits: int, total: int) -> Interval:
    """Give Wilson's score interval of a proportion: also 0 of n says how much n can tell."""
    found = binomtest(hits, total).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def difference_interval(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Give the interval of p1 - p2 from (hits, total) of each (Newcombe 1998, method 10)."""
    (low1, high1), (low2, high2) = proportion_interval(*first), proportion_interval(*second)
    p1, p2 = first[0] / first[1], second[0] / second[1]
    below = float(np.hypot(p1 - low1, high2 - p2))
    above = float(np.hypot(high1 - p1, p2 - low2))
    return p1 - p2 - below, p1 - p2 + above


def group_interval(groups: Sequence[str], figure: Callable[[Weights], float], *, seed: int) -> Interval:
    """Resample groups (patients) and give the percentiles of a figure of the images' weights (n,).

    Resamples for which the figure is not defined (NaN) are left out.
    """
    resamples = PatientResamples(groups, resamples=RESAMPLES, seed=seed)
    values = [figure(weights) for block in resamples.weights() for weights in block]
    # The first are the images as they are.
    low, high = np.nanpercentile(values[1:], INTERVAL_PERCENTILES)
    return float(low), float(high)


def balanced_accuracy(
    targets: NDArray[np.intp], predicted: NDArray[np.intp], weights: Weights | None = None
) -> float:
    """Give the mean sensitivity over the classes that are there; weights (n,) count images."""
    counted = np.ones(len(targets)) if weights is None else weights.astype(np.float64)
    totals = np.bincount(targets, weights=counted)
    hits = np.bincount(targets, weights=counted * (targets == predicted))
    there = totals > 0
    return float((hits[there] / totals[there]).mean())
