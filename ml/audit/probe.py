"""How well can something be read from the features that should not be in them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.audit.checks import Interval
from ml.audit.intervals import Weights, group_interval
from ml.contracts import FloatImage

MIN_IMAGES = 20
"""Fewer images on a side say nothing about telling the sides apart."""

FOLDS = 5
REGULARISATION = 0.1


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear probe's scores for images it was not fitted on, and which of them it should find."""

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    groups: tuple[str, ...]

    @property
    def auc(self) -> float:
        """Area under the ROC curve: 0.5 is a guess, 1 is certainty."""
        return float(roc_auc_score(self.truth, self.scores))

    def interval(self, *, seed: int) -> Interval:
        """Give the 95 % interval by resampling groups."""
        return group_interval(
            self.groups, lambda weights: _weighted_auc(self.truth, self.scores, weights), seed=seed
        )


def probe(
    features: FloatImage, truth: NDArray[np.bool_], groups: Sequence[str], *, seed: int
) -> Probe | None:
    """Fit a logistic regression (n, c) to a yes or no, on some groups, and score the others.

    None when fewer than `MIN_IMAGES` images stand on a side, or too few groups to keep them apart.
    """
    sides = [set(np.asarray(groups)[truth == side].tolist()) for side in (False, True)]
    if min(int(truth.sum()), int((~truth).sum())) < MIN_IMAGES or min(map(len, sides)) < FOLDS:
        return None
    scores = np.empty(len(truth))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fitted, held_out in splitter.split(features, truth, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=2000))
        scores[held_out] = model.fit(features[fitted], truth[fitted]).decision_function(features[held_out])
    return Probe(scores, truth, tuple(groups))


def _weighted_auc(truth: NDArray[np.bool_], scores: NDArray[np.float64], weights: Weights) -> float:
    there = weights > 0
    if truth[there].all() or not truth[there].any():
        return float("nan")
    return float(roc_auc_score(truth, scores, sample_weight=weights))
