"""The report of `evaluate_model`: every figure with an interval that resamples patients and not images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from ml.contracts import ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Probabilities, Targets, prediction_sets
from ml.evaluation.covid19 import status_report
from ml.evaluation.ranking import precision_recall_points, ranking, roc_points
from ml.evaluation.reliability import brier_score, calibration_error, class_reliability, reliability
from ml.evaluation.resampling import Figure, Mask, PatientResamples, mean_of
from ml.evaluation.selection import risk_coverage, risk_coverage_area, set_figures
from ml.evaluation.subgroups import by_subgroup


def evaluation_report(
    probabilities: Probabilities,
    targets: Targets,
    *,
    spec: ModelSpec,
    rows: Sequence[ManifestRow],
    seed: int = 0,
) -> dict[str, Any]:
    """Give the evaluation of calibrated probabilities (n, k) of `rows` as values that JSON can hold.

    Keys: `n groups accuracy balanced_accuracy macro_f1 per_class auroc average_precision ece brier
    reliability coverage risk_coverage confusion covid19_status by_source by_sex by_age by_view curves
    intervals`. `accuracy`, sensitivities and the like count the most probable finding; `coverage` and
    `inconclusive` concern the prediction set, `operating_*` the finding's own threshold. `precision` is
    the positive predictive value at these images' prevalence. What the images do not define is None.
    `intervals` are 95 % percentiles over resampled groups (patients), by the figure's name, with
    `_LABEL` for a finding's.
    """
    labels = list(spec.labels)
    resamples = PatientResamples([row.group for row in rows], seed=seed)
    sets = prediction_sets(probabilities, spec.conformal_quantiles, labels)
    per_class = {
        label: _class_figures(resamples, probabilities, targets, sets, k, spec)
        for k, label in enumerate(labels)
    }
    correct = probabilities.argmax(axis=1) == targets
    coverage = set_figures(resamples, sets, targets)
    overall = {
        "accuracy": resamples.share(correct, np.ones(len(targets), np.bool_)),
        "balanced_accuracy": mean_of([figures["sensitivity"] for figures in per_class.values()]),
        "macro_f1": mean_of([figures["f1"] for figures in per_class.values()]),
        "ece": calibration_error(resamples, probabilities, targets),
        "brier": brier_score(resamples, probabilities, targets),
    }
    ranked = {
        name: {**one, "macro": mean_of(list(one.values()))}
        for name in ("auroc", "average_precision")
        if (one := {label: figures.pop(name) for label, figures in per_class.items()})
    }
    area = risk_coverage_area(resamples, probabilities, targets)
    return {
        "n": len(targets),
        "groups": resamples.patients,
        **{name: figure.value for name, figure in overall.items()},
        "per_class": {
            label: {
                "n": int((targets == k).sum()),
                "operating_point": spec.operating_points[label],
                **{name: figure.value for name, figure in per_class[label].items()},
            }
            for k, label in enumerate(labels)
        },
        **{name: {label: f.value for label, f in one.items()} for name, one in ranked.items()},
        "reliability": reliability(resamples, probabilities, targets),
        "coverage": {name: figure.value for name, figure in coverage.items()},
        "risk_coverage": {**risk_coverage(probabilities, targets), "area": area.value},
        "confusion": _confusion(probabilities, targets, labels),
        "covid19_status": status_report(resamples, probabilities, targets, spec=spec),
        **by_subgroup(rows, probabilities, targets, sets, labels, seed=seed),
        "curves": {
            label: {
                "roc": roc_points(targets == k, probabilities[:, k]),
                "precision_recall": precision_recall_points(targets == k, probabilities[:, k]),
                "reliability": class_reliability(targets == k, probabilities[:, k]),
            }
            for k, label in enumerate(labels)
        },
        "intervals": _intervals(
            overall,
            {"coverage": coverage["overall"], "risk_coverage_area": area},
            {name: figure for name, figure in coverage.items() if name != "overall"},
            *({f"{name}_{label}": f for name, f in figures.items()} for label, figures in per_class.items()),
            *({f"{name}_{label}": f for label, f in one.items()} for name, one in ranked.items()),
        ),
    }


def _class_figures(
    resamples: PatientResamples,
    probabilities: Probabilities,
    targets: Targets,
    sets: Mask,
    k: int,
    spec: ModelSpec,
) -> dict[str, Figure]:
    own = targets == k
    called = probabilities.argmax(axis=1) == k
    above = probabilities[:, k] >= spec.operating_points[spec.labels[k]]
    return {
        "sensitivity": resamples.share(called, own),
        "specificity": resamples.share(~called, ~own),
        "precision": resamples.share(own, called),
        "npv": resamples.share(~own, ~called),
        "f1": resamples.ratio(2.0 * (own & called), own.astype(np.float64) + called),
        "operating_sensitivity": resamples.share(above, own),
        "operating_specificity": resamples.share(~above, ~own),
        "coverage": resamples.share(sets[:, k], own),
        "inconclusive": resamples.share(sets.sum(axis=1) != 1, own),
        **ranking(resamples, own, probabilities[:, k])._asdict(),
    }


def _confusion(
    probabilities: Probabilities, targets: Targets, labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count images by true finding, then by the most probable one."""
    matrix = confusion_matrix(targets, probabilities.argmax(axis=1), labels=range(len(labels)))
    return {
        label: {other: int(matrix[i, j]) for j, other in enumerate(labels)} for i, label in enumerate(labels)
    }


def _intervals(*parts: Mapping[str, Figure]) -> dict[str, list[float]]:
    return {
        name: interval
        for figures in parts
        for name, figure in figures.items()
        if (interval := figure.interval) is not None
    }


def headline(report: Mapping[str, Any]) -> str:
    """Say the main result in one line."""
    low, high = report["intervals"]["accuracy"]
    return (
        f"n {report['n']}, accuracy {report['accuracy']:.3f} (95 % {low:.3f}-{high:.3f}), "
        f"balanced {report['balanced_accuracy']:.3f}, ECE {report['ece']:.3f}"
    )
