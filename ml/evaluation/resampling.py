"""Uncertainty by resampling patients: a figure is measured on the images and on every resample of them.

Images of a patient resemble each other, so resampling images would make intervals too narrow. Groups
(a patient with every near-duplicate) are drawn with replacement instead (Field and Welsh 2007).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

RESAMPLES = 1000
INTERVAL_PERCENTILES = (2.5, 97.5)
BLOCK_CELLS = 2_000_000
"""Weights (resamples times images) that are worked on at once: some tens of megabytes."""

Samples = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `samples[0]` is measured on the images themselves, the others on resamples.

    NaN where it is undefined. `patients` is given for a share: how many patients it is a share of.
    """

    samples: Samples
    patients: int | None = None

    @property
    def value(self) -> float | None:
        """The figure, or None where the images do not define it."""
        return None if np.isnan(self.samples[0]) else rounded(self.samples[0])

    @property
    def interval(self) -> list[float] | None:
        """95 % percentile interval over the resamples that define the figure, or None.

        Resamples that all agree say nothing about the uncertainty: a share that was always 1 may be
        one of five patients or of five thousand. There Wilson's interval on the number of patients
        stands (Wilson 1927); any other figure has none.
        """
        resampled = self.samples[1:]
        defined = resampled[~np.isnan(resampled)]
        if self.value is None or not len(defined):
            return None
        if np.ptp(defined) > 0:
            return [rounded(bound) for bound in np.percentile(defined, INTERVAL_PERCENTILES)]
        if not self.patients:
            return None
        wilson = binomtest(round(self.samples[0] * self.patients), self.patients).proportion_ci(
            method="wilson"
        )
        return [rounded(wilson.low), rounded(wilson.high)]


class PatientResamples:
    """The images once as they are and `resamples` times with patients drawn with replacement."""

    def __init__(self, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        if not groups:
            raise ValueError("There is no image to measure; expected at least one.")
        _, member = np.unique(np.asarray(groups), return_inverse=True)
        self._member: NDArray[np.intp] = member
        number = int(member.max()) + 1
        drawn = np.random.default_rng(seed).integers(0, number, (resamples, number))
        counts = [np.bincount(row, minlength=number) for row in drawn]
        self._counts = np.stack([np.ones(number), *counts])

    @property
    def patients(self) -> int:
        """How many groups there are."""
        return int(self._counts.shape[1])

    def sums(self, values: NDArray[np.floating] | Mask) -> Samples:
        """Sum a value per image (n,) on the images and on every resample: (1 + resamples,)."""
        per_patient = np.bincount(self._member, weights=values, minlength=self.patients)
        return np.asarray(self._counts @ per_patient)

    def ratio(self, part: NDArray[np.floating] | Mask, whole: NDArray[np.floating] | Mask) -> Figure:
        """Give the sum of `part` over the sum of `whole`, a value per image each."""
        return Figure(divided(self.sums(part), self.sums(whole)))

    def share(self, part: Mask, whole: Mask) -> Figure:
        """Give the share of the images in `whole` that are in `part` too."""
        patients = len(np.unique(self._member[whole]))
        return Figure(divided(self.sums(part & whole), self.sums(whole)), patients)

    def weights(self) -> Iterator[NDArray[np.float32]]:
        """Give how often each image counts, (resamples in this block, n), block by block.

        Small whole numbers, which float32 holds exactly.
        """
        rows = max(1, BLOCK_CELLS // len(self._member))
        for start in range(0, len(self._counts), rows):
            yield self._counts[start : start + rows, self._member].astype(np.float32)


def divided(part: Samples, whole: Samples) -> Samples:
    """Divide, with NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def mean_of(figures: Sequence[Figure]) -> Figure:
    """Average figures, those that a resample leaves undefined left out."""
    stacked = np.stack([figure.samples for figure in figures])
    there = ~np.isnan(stacked)
    return Figure(divided(np.where(there, stacked, 0.0).sum(axis=0), there.sum(axis=0).astype(np.float64)))


def rounded(value: float | np.floating) -> float:
    """Round to the four digits that reports keep."""
    return round(float(value), 4)
