"""The figures of `evaluate_model`, with intervals that resample patients and not images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score

from ml.contracts import ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Probabilities, Targets, prediction_sets

CALIBRATION_BINS = 15
RESAMPLES = 1000
AUROC_RESAMPLES = 200
INTERVAL_PERCENTILES = (2.5, 97.5)


def evaluation_report(
    probabilities: Probabilities,
    targets: Targets,
    *,
    spec: ModelSpec,
    rows: Sequence[ManifestRow],
    seed: int = 0,
) -> dict[str, Any]:
    """Give the evaluation of calibrated probabilities (n, k) of `rows` as values that JSON can hold.

    Keys: `n accuracy balanced_accuracy per_class auroc ece brier coverage confusion by_source
    intervals`. `accuracy` counts the most probable finding; `coverage` concerns the prediction set.
    Intervals are 95 % percentiles over resampled groups (patients).
    """
    labels = list(spec.labels)
    groups = [row.group for row in rows]
    predicted = probabilities.argmax(axis=1)
    sets = prediction_sets(probabilities, spec.conformal_quantiles, labels)
    matrix = confusion_matrix(targets, predicted, labels=range(len(labels)))
    truth = np.eye(len(labels))[targets]
    auroc = {label: _auroc(truth[:, k], probabilities[:, k]) for k, label in enumerate(labels)}
    known = [value for value in auroc.values() if value is not None]
    return {
        "n": len(targets),
        "groups": len(set(groups)),
        "accuracy": _rounded(np.trace(matrix) / len(targets)),
        "balanced_accuracy": _rounded(_balanced(matrix)),
        "per_class": {
            label: _class_figures(matrix, k, sets, targets, probabilities, spec)
            for k, label in enumerate(labels)
        },
        "auroc": {**auroc, "macro": _rounded(float(np.mean(known))) if known else None},
        "ece": _rounded(expected_calibration_error(probabilities, targets)),
        "brier": _rounded(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "coverage": _coverage(sets, targets),
        "confusion": {
            label: {other: int(matrix[i, j]) for j, other in enumerate(labels)}
            for i, label in enumerate(labels)
        },
        "by_source": _by_source([row.source for row in rows], targets, predicted, sets, labels),
        "intervals": _intervals(targets, predicted, probabilities, groups, labels, seed),
    }


def expected_calibration_error(probabilities: Probabilities, targets: Targets) -> float:
    """Give the mean gap between confidence and accuracy of the most probable finding, 15 equal bins."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def _class_figures(
    matrix: NDArray[np.int64],
    k: int,
    sets: NDArray[np.bool_],
    targets: Targets,
    probabilities: Probabilities,
    spec: ModelSpec,
) -> dict[str, float | int | None]:
    hits, positives, calls = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
    negatives = int(matrix.sum()) - positives
    own = targets == k
    above = probabilities[:, k] >= spec.operating_points[spec.labels[k]]
    return {
        "n": positives,
        "sensitivity": _ratio(hits, positives),
        "specificity": _ratio(negatives - (calls - hits), negatives),
        "precision": _ratio(hits, calls),
        "f1": _ratio(2 * hits, positives + calls),
        "operating_sensitivity": _ratio(int(above[own].sum()), positives),
        "operating_specificity": _ratio(int((~above)[~own].sum()), negatives),
        "coverage": _ratio(int(sets[own, k].sum()), positives),
    }


def _coverage(sets: NDArray[np.bool_], targets: Targets) -> dict[str, float]:
    size = sets.sum(axis=1)
    inside = sets[np.arange(len(targets)), targets]
    single = size == 1
    return {
        "overall": _rounded(inside.mean()),
        "mean_set_size": _rounded(size.mean()),
        "single_finding": _rounded(single.mean()),
        "accuracy_of_single_findings": _rounded(inside[single].mean()) if single.any() else 0.0,
    }


def _by_source(
    sources: Sequence[str],
    targets: Targets,
    predicted: Targets,
    sets: NDArray[np.bool_],
    labels: Sequence[str],
) -> dict[str, dict[str, float | int]]:
    names = np.asarray(sources)
    result = {}
    for name in sorted(set(sources)):
        chosen = names == name
        matrix = confusion_matrix(targets[chosen], predicted[chosen], labels=range(len(labels)))
        result[name or "unnamed"] = {
            "n": int(chosen.sum()),
            "accuracy": _rounded(np.trace(matrix) / chosen.sum()),
            "balanced_accuracy": _rounded(_balanced(matrix)),
            "coverage": _rounded(sets[chosen, targets[chosen]].mean()),
        }
    return result


def _intervals(
    targets: Targets,
    predicted: Targets,
    probabilities: Probabilities,
    groups: Sequence[str],
    labels: Sequence[str],
    seed: int,
) -> dict[str, list[float]]:
    """Resample groups with replacement; a group's images always come or go together."""
    count = len(labels)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    number = int(member.max()) + 1
    cells = np.zeros((number, count * count))
    np.add.at(cells, (member, targets * count + predicted), 1)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    matrices = (drawn @ cells).reshape(RESAMPLES, count, count)
    figures: dict[str, list[float]] = {"accuracy": [], "balanced_accuracy": []}
    figures |= {f"sensitivity_{label}": [] for label in labels}
    for matrix in matrices:
        figures["accuracy"].append(float(np.trace(matrix) / matrix.sum()))
        figures["balanced_accuracy"].append(_balanced(matrix))
        for k, label in enumerate(labels):
            if matrix[k].sum():
                figures[f"sensitivity_{label}"].append(float(matrix[k, k] / matrix[k].sum()))
    for k, label in enumerate(labels):
        figures[f"auroc_{label}"] = [
            value
            for weights in drawn[:AUROC_RESAMPLES]
            if (value := _auroc(targets == k, probabilities[:, k], weights[member])) is not None
        ]
    return {
        name: [_rounded(v) for v in np.percentile(values, INTERVAL_PERCENTILES)]
        for name, values in figures.items()
        if values
    }


def _balanced(matrix: NDArray[Any]) -> float:
    """Mean sensitivity over the classes that are there."""
    totals = matrix.sum(axis=1)
    there = totals > 0
    return float((np.diag(matrix)[there] / totals[there]).mean())


def _auroc(truth: NDArray[Any], scores: Probabilities, weights: NDArray[Any] | None = None) -> float | None:
    """Area under the ROC curve, or None where one of the two sides is absent."""
    there = np.ones(len(truth), bool) if weights is None else weights > 0
    if not 0 < truth[there].sum() < there.sum():
        return None
    return _rounded(roc_auc_score(truth, scores, sample_weight=weights))


def _ratio(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)


def headline(report: Mapping[str, Any]) -> str:
    """Say the main result in one line."""
    low, high = report["intervals"]["accuracy"]
    return (
        f"n {report['n']}, accuracy {report['accuracy']:.3f} (95 % {low:.3f}-{high:.3f}), "
        f"balanced {report['balanced_accuracy']:.3f}, ECE {report['ece']:.3f}"
    )
