"""How well a score ranks: ROC and precision-recall, on the images and on every resample at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from ml.evaluation.resampling import Figure, Mask, PatientResamples, Samples, divided, rounded

CURVE_POINTS = 60
"""Points of a curve that reports keep: enough for the eye, little to store."""


class Ranking(NamedTuple):
    """Area under the ROC curve, and average precision."""

    auroc: Figure
    average_precision: Figure


def ranking(resamples: PatientResamples, truth: Mask, scores: NDArray[np.float64]) -> Ranking:
    """Measure how scores (n,) rank images with `truth` before the others.

    The same as scikit-learn's `roc_auc_score` and `average_precision_score` with a resample's counts as
    `sample_weight`, in one pass: a thousand calls would take minutes. Undefined where a side is absent.
    """
    order = np.argsort(-scores, kind="stable")
    # Images of equal score are one threshold: they count together.
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    parts = [_areas(weights[:, order], truth[order], starts) for weights in resamples.weights()]
    auroc, average_precision = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Ranking(Figure(auroc), Figure(average_precision))


def _areas(weights: NDArray[np.float32], truth: Mask, starts: NDArray[np.intp]) -> tuple[Samples, Samples]:
    found, alarmed = weights * truth, weights * ~truth
    if len(starts) < len(truth):
        found, alarmed = np.add.reduceat(found, starts, axis=1), np.add.reduceat(alarmed, starts, axis=1)
    true_positives, false_positives = np.cumsum(found, axis=1), np.cumsum(alarmed, axis=1)
    positives = true_positives[:, -1].astype(np.float64)
    negatives = false_positives[:, -1].astype(np.float64)
    precision = true_positives / np.maximum(true_positives + false_positives, 1)
    under_roc = np.einsum("ij,ij->i", alarmed, true_positives - found / 2, dtype=np.float64)
    under_precision = np.einsum("ij,ij->i", found, precision, dtype=np.float64)
    return (
        divided(under_roc, positives * negatives),
        np.where(negatives > 0, divided(under_precision, positives), np.nan),
    )


def roc_points(truth: Mask, scores: NDArray[np.float64]) -> dict[str, list[float]] | None:
    """Give the ROC curve, thinned, as `false_positive_rate` and `sensitivity`; None without both sides."""
    if not 0 < truth.sum() < len(truth):
        return None
    alarms, sensitivity, _ = roc_curve(truth, scores)
    return _thinned(false_positive_rate=alarms, sensitivity=sensitivity)


def precision_recall_points(truth: Mask, scores: NDArray[np.float64]) -> dict[str, list[float]] | None:
    """Give the precision-recall curve, thinned, as `recall` and `precision`; None without both sides."""
    if not 0 < truth.sum() < len(truth):
        return None
    precision, recall, _ = precision_recall_curve(truth, scores)
    return _thinned(recall=recall[::-1], precision=precision[::-1])


def _thinned(**axes: NDArray[np.float64]) -> dict[str, list[float]]:
    """Keep points at even distances along the curve, its first and last always."""
    x, y = axes.values()
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    kept = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], CURVE_POINTS)))
    return {name: [rounded(value) for value in values[kept]] for name, values in axes.items()}
