"""The figures of an evaluation, on predictions small enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.contracts import ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.evaluation.metrics import evaluation_report, expected_calibration_error

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


def report() -> dict:  # type: ignore[type-arg]
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


def test_calibration_error_is_zero_for_honest_probabilities_and_large_for_boasting() -> None:
    honest = np.tile([0.75, 0.25], (4, 1))
    assert expected_calibration_error(honest, np.array([0, 0, 0, 1])) == pytest.approx(0.0)
    boasting = np.tile([1.0, 0.0], (4, 1))
    assert expected_calibration_error(boasting, np.array([0, 1, 1, 1])) == pytest.approx(0.75)
