"""Subgroups are named as DICOM names them and measured on their own images."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.calibration import prediction_sets
from ml.evaluation.subgroups import ENOUGH_IMAGES, age_band, by_subgroup, sex_name, view_name
from tests.ml.evaluation.simulated import LABELS, calibrated_spec, drawn_rows, honest_answers


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("17", "under 18"),
        ("006M", "under 18"),
        ("018Y", "18-39"),
        ("39.9", "18-39"),
        ("40", "40-64"),
        ("64", "40-64"),
        ("65", "65 and over"),
        ("099Y", "65 and over"),
        ("999", "unknown"),
        ("adult", "unknown"),
        ("-3", "unknown"),
        ("", "unknown"),
    ],
)
def test_ages_find_their_band(age: str, band: str) -> None:
    assert age_band(age) == band


def test_sexes_and_views_have_one_name_each() -> None:
    assert [sex_name(sex) for sex in ("M", "f", "male", "O", "", "?")] == [
        "male",
        "female",
        "male",
        "other",
        "unknown",
        "unknown",
    ]
    assert [view_name(view) for view in ("AP", "pa", "AP Supine", "")] == ["AP", "PA", "AP supine", "unknown"]


def test_every_partition_holds_every_image_once() -> None:
    probabilities, targets = honest_answers(300, seed=9)
    rows = drawn_rows(targets, patients=120)
    spec = calibrated_spec()
    sets = prediction_sets(probabilities, spec.conformal_quantiles, LABELS)
    result = by_subgroup(rows, probabilities, targets, sets, LABELS, seed=0)
    assert set(result) == {"by_source", "by_sex", "by_age", "by_view"}
    for groups in result.values():
        assert sum(group["n"] for group in groups.values()) == 300
    assert list(result["by_age"]) == ["under 18", "18-39", "40-64", "65 and over", "unknown"]
    male = np.array([row.sex == "M" for row in rows])
    figures = result["by_sex"]["male"]
    correct = probabilities.argmax(axis=1) == targets
    assert figures["accuracy"] == pytest.approx(correct[male].mean(), abs=1e-4)
    assert figures["sensitivity"]["covid19"] == pytest.approx(correct[male & (targets == 1)].mean(), abs=1e-4)
    low, high = figures["intervals"]["sensitivity_covid19"]
    assert low < figures["sensitivity"]["covid19"] < high
    assert figures["groups"] == len({row.group for row, there in zip(rows, male, strict=True) if there})


def test_too_few_images_of_a_finding_give_no_sensitivity() -> None:
    probabilities, targets = honest_answers(60, seed=10)
    few = targets != 2
    few[np.flatnonzero(targets == 2)[: ENOUGH_IMAGES - 1]] = True
    rows = [row for row, there in zip(drawn_rows(targets, patients=50), few, strict=True) if there]
    sets = np.ones((len(rows), 3), np.bool_)
    result = by_subgroup(rows, probabilities[few], targets[few], sets, LABELS, seed=0)
    for groups in result.values():
        assert all("lung_opacity" not in group["sensitivity"] for group in groups.values())
        assert all("sensitivity_lung_opacity" not in group["intervals"] for group in groups.values())
