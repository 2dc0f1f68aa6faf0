"""Tell whether a stream has changed: one attribute at a time, and all numbers together.

Numbers are compared by the Kolmogorov-Smirnov test, categories by chi-squared, the numbers' joint
distribution by the maximum mean discrepancy with a Gaussian kernel (Gretton et al., JMLR 2012;13:723), and
the first two also by the population stability index as a size. Many tests are made on many days: an alarm
needs a p-value below `FALSE_ALARMS` divided by the number of tests (Bonferroni), so that a stream that has
not changed should raise at most one alarm in a thousand periods, and a size worth looking at, so that a large
sample does not make much of little. This holds for independent images: give one image per patient. Of 600
periods of 250 drawn images each without any change one raised an alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FALSE_ALARMS = 0.001
"""Chance of any alarm in one period of an unchanged stream, at most."""
WORTH_A_LOOK = 0.1
"""Population stability index from which on a change counts; customary bounds are 0.1 and 0.25."""
BINS = 10
JOINT_IMAGES = 250
"""Images of each side in the joint test, whose cost grows with their square."""
PERMUTATIONS = 200
_RARE = 5
_SMALLEST_SHARE = 1e-3

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a stream: numbers (n,) and categories (n), by attribute; NaN and empty text are left out."""

    numbers: Mapping[str, Numbers]
    categories: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Shift:
    """One comparison: the test's statistic and p-value, the stability index (None for the joint test)."""

    attribute: str
    test: str
    statistic: float
    p_value: float
    stability_index: float | None
    alarm: bool


def shifts(reference: Sample, present: Sample, *, seed: int = 0) -> list[Shift]:
    """Compare every attribute that both samples have, and the numbers jointly."""
    found: list[tuple[str, str, float, float, float | None]] = []
    names = [name for name in reference.numbers if name in present.numbers]
    for name in names:
        before, now = (_known(sample.numbers[name]) for sample in (reference, present))
        if min(len(before), len(now)) >= _RARE:
            result = stats.ks_2samp(before, now, method="asymp")
            index = stability_index(*_binned(before, now))
            found.append((name, "KS", float(result.statistic), float(result.pvalue), index))
    for name in reference.categories:
        if name in present.categories:
            before_counts, now_counts = _counted(reference.categories[name], present.categories[name])
            if len(before_counts) > 1 and before_counts.sum() and now_counts.sum():
                table = np.stack([before_counts, now_counts])
                result = stats.chi2_contingency(table, correction=False)
                index = stability_index(before_counts, now_counts)
                found.append((name, "chi-squared", float(result.statistic), float(result.pvalue), index))
    if len(names) > 1:
        statistic, p_value = maximum_mean_discrepancy(
            np.stack([reference.numbers[name] for name in names], axis=1),
            np.stack([present.numbers[name] for name in names], axis=1),
            seed=seed,
        )
        found.append(("all numbers together", "MMD", statistic, p_value, None))
    bound = FALSE_ALARMS / max(len(found), 1)
    return [Shift(*one, alarm=one[3] < bound and (one[4] is None or one[4] >= WORTH_A_LOOK)) for one in found]


def stability_index(before: NDArray[np.int_], now: NDArray[np.int_]) -> float:
    """Return the population stability index of two counts over the same bins: 0 for equal shares."""
    shares = [np.maximum(counts / max(counts.sum(), 1), _SMALLEST_SHARE) for counts in (before, now)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def maximum_mean_discrepancy(before: Numbers, now: Numbers, *, seed: int) -> tuple[float, float]:
    """Return the squared discrepancy of two samples (n, d) and its p-value.

    Columns are standardised by the first sample. The p-value is the tail of a gamma distribution with the
    mean and variance of `PERMUTATIONS` shuffles, so that it can be smaller than one in their number. Rows
    with a missing number are left out; with fewer than five rows on a side nothing can be said: 0 and 1.
    """
    random = np.random.default_rng(seed)
    sides = []
    for side in (before, now):
        whole = side[np.isfinite(side).all(axis=1)]
        sides.append(random.permutation(whole)[:JOINT_IMAGES])
    if min(len(side) for side in sides) < _RARE:
        return 0.0, 1.0
    spread = sides[0].std(axis=0)
    kept = spread > 0
    if not kept.any():
        return 0.0, 1.0
    points = np.concatenate(sides)[:, kept] / spread[kept]
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, np.newaxis] + squares - 2 * points @ points.T, 0)
    width = float(np.median(distances[np.triu_indices_from(distances, 1)]))
    kernel = np.exp(-distances / width) if width > 0 else np.ones_like(distances)
    first = len(sides[0])
    observed = _discrepancy(kernel, np.arange(len(points)), first)
    shuffled = [_discrepancy(kernel, random.permutation(len(points)), first) for _ in range(PERMUTATIONS)]
    mean, variance = float(np.mean(shuffled)), float(np.var(shuffled))
    if variance <= 0:
        return observed, 1.0
    return observed, float(stats.gamma.sf(observed, mean**2 / variance, scale=variance / mean))


def _discrepancy(kernel: Numbers, order: NDArray[np.intp], first: int) -> float:
    weights = np.empty(len(order))
    weights[order[:first]] = 1 / first
    weights[order[first:]] = -1 / (len(order) - first)
    return float(weights @ kernel @ weights)


def _known(values: Numbers) -> Numbers:
    return values[np.isfinite(values)]


def _binned(before: Numbers, now: Numbers) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Count both samples in the tenths of the first."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (before, now)]
    return counts[0], counts[1]


def _counted(before: Sequence[str], now: Sequence[str]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Count categories of both samples; those too rare for the test together are one."""
    counts = [Counter(value for value in side if value) for side in (before, now)]
    total = sum((one.total() for one in counts), 0)
    smallest = min(one.total() for one in counts)
    names = sorted(set(counts[0]) | set(counts[1]))
    expected = {name: (counts[0][name] + counts[1][name]) * smallest / max(total, 1) for name in names}
    frequent = [name for name in names if expected[name] >= _RARE]
    rows = []
    for one in counts:
        row = [one[name] for name in frequent]
        rows.append([*row, one.total() - sum(row)])
    table = np.array(rows, np.int_)
    table = table[:, table.sum(axis=0) > 0]
    return table[0], table[1]
