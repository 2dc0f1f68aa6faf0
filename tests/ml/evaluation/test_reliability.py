"""Calibration figures against values by hand and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.reliability import (
    CALIBRATION_BINS,
    brier_score,
    calibration_error,
    class_reliability,
    reliability,
)
from ml.evaluation.resampling import PatientResamples
from tests.ml.evaluation.simulated import honest_answers


def resamples(n: int) -> PatientResamples:
    return PatientResamples([str(i) for i in range(n)], resamples=200)


@pytest.mark.parametrize(
    ("probabilities", "targets", "expected"),
    [
        (np.tile([0.75, 0.25], (4, 1)), np.array([0, 0, 0, 1]), 0.0),
        (np.tile([1.0, 0.0], (4, 1)), np.array([0, 1, 1, 1]), 0.75),
    ],
    ids=["honest", "boasting"],
)
def test_calibration_error_by_hand(probabilities: Probabilities, targets: Targets, expected: float) -> None:
    assert calibration_error(resamples(4), probabilities, targets).value == pytest.approx(expected)


def test_the_reliability_curve_agrees_with_scikit_learn_and_gives_the_error() -> None:
    probabilities, targets = honest_answers(900, seed=1)
    rows = reliability(resamples(900), probabilities, targets)
    correct = probabilities.argmax(axis=1) == targets
    observed, stated = calibration_curve(correct, probabilities.max(axis=1), n_bins=CALIBRATION_BINS)
    assert [row["accuracy"] for row in rows] == pytest.approx(observed.tolist(), abs=1e-4)
    assert [row["confidence"] for row in rows] == pytest.approx(stated.tolist(), abs=1e-4)
    assert sum(row["n"] for row in rows) == 900
    by_hand = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in rows) / 900
    assert calibration_error(resamples(900), probabilities, targets).value == pytest.approx(by_hand, abs=2e-4)


def test_honest_answers_have_a_small_error_and_tripled_logits_a_large_one() -> None:
    probabilities, targets = honest_answers(4000, seed=2)
    honest = calibration_error(resamples(4000), probabilities, targets).value
    boasting = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert honest is not None
    assert honest < 0.03
    bold = calibration_error(resamples(4000), boasting, targets)
    assert bold.value is not None
    assert bold.value > 4 * honest
    assert bold.interval is not None
    assert bold.interval[0] > honest


def test_the_brier_score_of_two_classes_is_twice_the_binary_one() -> None:
    positive = np.array([0.1, 0.4, 0.8, 0.95])
    targets = np.array([0, 1, 1, 1])
    measured = brier_score(resamples(4), np.stack([1 - positive, positive], axis=1), targets)
    assert measured.value == pytest.approx(2 * brier_score_loss(targets, positive), abs=1e-4)


def test_one_findings_reliability_is_that_of_its_probability() -> None:
    probabilities, targets = honest_answers(3000, seed=4)
    curve = class_reliability(targets == 1, probabilities[:, 1])
    assert len(curve["stated"]) == len(curve["observed"]) == 10
    np.testing.assert_allclose(curve["stated"], curve["observed"], atol=0.12)
