"""Split a manifest by group into training, calibration and test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from ml.datasets.manifest import ManifestError, ManifestRow, check_groups_apart

DEFAULT_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the rows on each side."""

    training: NDArray[np.intp]
    calibration: NDArray[np.intp]
    test: NDArray[np.intp]


def assign_folds(
    rows: Sequence[ManifestRow], targets: Sequence[int], *, folds: int | None, seed: int
) -> NDArray[np.intp]:
    """Give each row's fold: the manifest's own, or `folds` new ones by group, balanced by class.

    Raises `ManifestError` when the manifest has folds for some rows only.
    """
    own = [row.fold for row in rows if row.fold is not None]
    if folds is None and len(own) == len(rows):
        return np.array(own, np.intp)
    if folds is None and own:
        raise ManifestError(
            f"{len(rows) - len(own)} of {len(rows)} rows have no fold; fill the column or give --folds."
        )
    splitter = StratifiedGroupKFold(folds or DEFAULT_FOLDS, shuffle=True, random_state=seed)
    assigned = np.empty(len(rows), np.intp)
    groups = [row.group for row in rows]
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(rows)), targets, groups)):
        assigned[held_out] = fold
    return assigned


def split_rows(
    rows: Sequence[ManifestRow],
    targets: Sequence[int],
    *,
    folds: int | None,
    test_fold: int,
    calibration_fold: int | None,
    seed: int,
) -> Split:
    """Put one fold aside for the test and one for calibration, and train on the others.

    Raises `ManifestError` when a fold is absent, a group stands on two sides, or a class is missing from
    a side.
    """
    assigned = assign_folds(rows, targets, folds=folds, seed=seed)
    known = sorted(set(assigned.tolist()))
    if test_fold not in known:
        raise ManifestError(f"There is no fold {test_fold}; the manifest has {known}.")
    if calibration_fold is None:
        calibration_fold = known[(known.index(test_fold) + 1) % len(known)]
    if calibration_fold not in known or calibration_fold == test_fold:
        raise ManifestError(
            f"Fold {calibration_fold} cannot calibrate; expected one of {known} other than {test_fold}."
        )
    test, calibration = assigned == test_fold, assigned == calibration_fold
    sides = {"training": ~(test | calibration), "calibration": calibration, "test": test}
    positions = {side: np.flatnonzero(chosen) for side, chosen in sides.items()}
    check_groups_apart(**{side: [rows[int(i)] for i in where] for side, where in positions.items()})
    labels = np.asarray(targets)
    for side, where in positions.items():
        missing = set(labels.tolist()) - set(labels[where].tolist())
        if missing:
            raise ManifestError(f"No image of class number {sorted(missing)} on the {side} side.")
    return Split(**positions)
