"""The figures of an evaluation, on predictions small enough to count by hand."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, precision_recall_fscore_support

from ml.contracts import ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.evaluation.metrics import evaluation_report

SPEC = ModelSpec(
    name="cxr",
    architecture="compact_resnet",
    labels=("normal", "covid19", "lung_opacity"),
    input_size=160,
    preprocessing_version="lungs-2",
    temperature=1.0,
    conformal_quantiles={"normal": 0.5, "covid19": 0.5, "lung_opacity": 0.75},
    operating_points={"normal": 0.5, "covid19": 0.5, "lung_opacity": 0.2},
)
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.1, 0.6, 0.3]]
)
TARGETS = np.array([0, 0, 1, 1, 2, 2])
GROUPS = ["a", "a", "b", "c", "d", "e"]
SOURCES = ["x", "x", "x", "y", "y", ""]
ROWS = [
    ManifestRow(path=Path(f"{i}.png"), label="normal", group=group, fold=0, image_id=str(i), source=source)
    for i, (group, source) in enumerate(zip(GROUPS, SOURCES, strict=True))
]


@functools.cache
def report() -> dict[str, Any]:
    return evaluation_report(PROBABILITIES, TARGETS, spec=SPEC, rows=ROWS)


def test_the_promised_keys_are_there_and_json_can_hold_them() -> None:
    expected = "n accuracy balanced_accuracy per_class auroc ece brier coverage confusion by_source intervals"
    result = report()
    assert set(expected.split()) <= set(result)
    assert json.loads(json.dumps(result)) == result


def test_counts_are_right() -> None:
    result = report()
    assert result["n"] == 6
    assert result["groups"] == 5
    assert result["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert result["balanced_accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert result["confusion"]["covid19"] == {"normal": 1, "covid19": 1, "lung_opacity": 0}
    assert result["per_class"]["covid19"]["sensitivity"] == 0.5
    assert result["per_class"]["covid19"]["specificity"] == 0.75
    assert result["auroc"]["normal"] == 1.0
    assert {name: part["n"] for name, part in result["by_source"].items()} == {"unnamed": 1, "x": 3, "y": 2}


def test_coverage_concerns_the_prediction_set() -> None:
    result = report()
    assert result["per_class"]["lung_opacity"]["coverage"] == 1.0
    assert result["per_class"]["covid19"]["coverage"] == 0.5
    assert result["coverage"]["overall"] == pytest.approx(5 / 6, abs=1e-4)
    assert result["coverage"]["single_finding"] == pytest.approx(5 / 6, abs=1e-4)


def test_an_absent_class_has_no_figure_instead_of_a_wrong_one() -> None:
    kept = TARGETS != 2
    result = evaluation_report(PROBABILITIES[kept], TARGETS[kept], spec=SPEC, rows=ROWS[:4])
    assert result["per_class"]["lung_opacity"]["sensitivity"] is None
    assert result["auroc"]["lung_opacity"] is None
    assert result["balanced_accuracy"] == 0.75


def test_intervals_resample_patients() -> None:
    """Ten copies of every image add no certainty when they stay in their group."""
    many = evaluation_report(
        np.repeat(PROBABILITIES, 10, axis=0),
        np.repeat(TARGETS, 10),
        spec=SPEC,
        rows=[row for row in ROWS for _ in range(10)],
    )
    assert many["intervals"]["accuracy"] == report()["intervals"]["accuracy"]
    low, high = many["intervals"]["accuracy"]
    assert high - low > 0.4


def test_values_agree_with_scikit_learn() -> None:
    result = report()
    predicted = PROBABILITIES.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(TARGETS, predicted, zero_division=0)
    for k, label in enumerate(SPEC.labels):
        figures = result["per_class"][label]
        assert figures["sensitivity"] == pytest.approx(recall[k], abs=1e-4)
        assert figures["precision"] == pytest.approx(precision[k], abs=1e-4)
        assert figures["f1"] == pytest.approx(f1[k], abs=1e-4)
        expected = average_precision_score(np.equal(TARGETS, k), PROBABILITIES[:, k])
        assert result["average_precision"][label] == pytest.approx(expected, abs=1e-4)
    assert result["macro_f1"] == pytest.approx(f1.mean(), abs=1e-4)
    assert result["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(TARGETS, predicted), abs=1e-4)


def test_a_findings_own_threshold_and_its_sets_are_counted_by_hand() -> None:
    opacity = report()["per_class"]["lung_opacity"]
    assert opacity["operating_point"] == 0.2
    assert opacity["operating_sensitivity"] == 1.0
    assert opacity["operating_specificity"] == 0.75  # one of four others reaches 0.2
    assert opacity["npv"] == 0.8  # five images are not called an opacity, one of them is
    assert opacity["inconclusive"] == 0.5  # covid19 0.6 and lung_opacity 0.3 are both in the last one's set


def test_every_share_has_an_interval_around_it() -> None:
    result = report()
    for name in ("sensitivity", "specificity", "precision", "npv", "coverage", "inconclusive"):
        for label, figures in result["per_class"].items():
            if figures[name] is not None:
                low, high = result["intervals"][f"{name}_{label}"]
                assert 0 <= low <= figures[name] <= high <= 1
    for name in ("accuracy", "balanced_accuracy", "brier", "single_finding", "risk_coverage_area"):
        low, high = result["intervals"][name]
        assert low < high


def test_one_patient_alone_gives_wide_intervals_or_none() -> None:
    alone = [replace(row, group="only") for row in ROWS]
    result = evaluation_report(PROBABILITIES, TARGETS, spec=SPEC, rows=alone)
    assert result["groups"] == 1
    low, high = result["intervals"]["accuracy"]
    assert high - low > 0.7
    assert "balanced_accuracy" not in result["intervals"]
    assert "auroc_covid19" not in result["intervals"]


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        evaluation_report(np.empty((0, 3)), np.empty(0, np.intp), spec=SPEC, rows=[])
