"""Make folds that keep groups together and every stratum in every fold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold


def balanced_folds(
    strata: Sequence[str], groups: Sequence[str], *, folds: int, seed: int
) -> list[int] | None:
    """Give each row a fold in 0 … folds - 1; None where there are fewer groups than folds.

    All rows of a group share a fold, and each fold gets about the same share of every stratum. The same
    seed gives the same folds.
    """
    if len(set(groups)) < folds:
        return None
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    # A stratum may hold fewer rows than there are folds: the report counts them, and training refuses.
    codes = np.unique(np.asarray(strata), return_inverse=True)[1]
    if np.bincount(codes).max() < folds:
        codes = np.zeros(len(codes), np.intp)
    assigned = [0] * len(groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(groups)), codes, groups)):
            for position in held_out:
                assigned[position] = fold
    return assigned
