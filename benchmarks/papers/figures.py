"""Figures over folds: pooled over all images, and fold by fold, with intervals that resample patients."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.ranking import ranking
from ml.evaluation.reliability import calibration_error
from ml.evaluation.resampling import Figure, PatientResamples, mean_of, rounded
from ml.training.trial import Measured, pooled


def accuracy_figures(folds: Mapping[int, Measured], labels: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Give `n groups accuracy balanced_accuracy macro_f1 ece per_class confusion intervals per_fold`.

    `accuracy` counts all images of all folds at once; `mean_of_folds` and `deviation_of_folds` are what
    publications give. Probabilities of different folds' networks are ranked together for `auroc`.
    """
    every = pooled(list(folds.values()))
    probabilities, targets = every.probabilities, every.targets
    resamples = PatientResamples([row.group for row in every.rows], seed=seed)
    per_class = {label: _of_class(resamples, probabilities, targets, k) for k, label in enumerate(labels)}
    overall = {
        "accuracy": _accuracy(resamples, every),
        "balanced_accuracy": mean_of([figures["sensitivity"] for figures in per_class.values()]),
        "macro_f1": mean_of([figures["f1"] for figures in per_class.values()]),
        "ece": calibration_error(resamples, probabilities, targets),
    }
    per_fold = {str(fold): _of_fold(part, seed) for fold, part in folds.items()}
    accuracies = [fold["accuracy"] for fold in per_fold.values()]
    matrix = confusion_matrix(targets, probabilities.argmax(axis=1), labels=range(len(labels)))
    return {
        "n": len(targets),
        "groups": resamples.patients,
        **{name: figure.value for name, figure in overall.items()},
        "mean_of_folds": rounded(statistics.mean(accuracies)),
        "deviation_of_folds": rounded(statistics.stdev(accuracies)) if len(accuracies) > 1 else None,
        "intervals": {name: figure.interval for name, figure in overall.items()},
        "per_fold": per_fold,
        "per_class": {
            label: {
                "n": int((targets == k).sum()),
                **{
                    name: {"value": figure.value, "interval": figure.interval}
                    for name, figure in per_class[label].items()
                },
            }
            for k, label in enumerate(labels)
        },
        "confusion": {
            label: {other: int(matrix[i, j]) for j, other in enumerate(labels)}
            for i, label in enumerate(labels)
        },
    }


def _of_fold(part: Measured, seed: int) -> dict[str, Any]:
    resamples = PatientResamples([row.group for row in part.rows], seed=seed)
    accuracy = _accuracy(resamples, part)
    return {
        "n": len(part.targets),
        "groups": resamples.patients,
        "accuracy": accuracy.value,
        "interval": accuracy.interval,
    }


def _accuracy(resamples: PatientResamples, measured: Measured) -> Figure:
    correct = measured.probabilities.argmax(axis=1) == measured.targets
    return resamples.share(correct, np.ones(len(correct), np.bool_))


def _of_class(
    resamples: PatientResamples, probabilities: Probabilities, targets: Targets, k: int
) -> dict[str, Figure]:
    own = targets == k
    called = probabilities.argmax(axis=1) == k
    return {
        "sensitivity": resamples.share(called, own),
        "specificity": resamples.share(~called, ~own),
        "precision": resamples.share(own, called),
        "f1": resamples.ratio(2.0 * (own & called), own.astype(np.float64) + called),
        "auroc": ranking(resamples, own, probabilities[:, k]).auroc,
    }
