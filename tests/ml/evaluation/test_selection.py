"""What prediction sets promise and what answering only when sure is worth."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.metrics.classification import classification_coverage_score, classification_mean_width_score
from mapie.metrics.uncertainty import auarc

from ml.evaluation.resampling import PatientResamples
from ml.evaluation.selection import risk_coverage, risk_coverage_area, set_figures
from tests.ml.evaluation.simulated import honest_answers

SETS = np.array([[True, False, False], [True, True, False], [False, False, False], [False, False, True]])
TARGETS = np.array([0, 1, 2, 1])


def resamples(n: int) -> PatientResamples:
    return PatientResamples([str(i) for i in range(n)], resamples=200)


def test_sets_by_hand() -> None:
    values = {name: figure.value for name, figure in set_figures(resamples(4), SETS, TARGETS).items()}
    assert values == {
        "overall": 0.5,
        "mean_set_size": 1.0,
        "single_finding": 0.5,
        "empty_set": 0.25,
        "accuracy_of_single_findings": 0.5,
    }


def test_sets_agree_with_mapie() -> None:
    figures = set_figures(resamples(4), SETS, TARGETS)
    sets = SETS[:, :, np.newaxis]
    assert figures["overall"].value == classification_coverage_score(TARGETS, sets)[0]
    assert figures["mean_set_size"].value == classification_mean_width_score(sets)[0]


def test_no_single_finding_has_no_accuracy() -> None:
    figure = set_figures(resamples(4), np.ones((4, 3), np.bool_), TARGETS)["accuracy_of_single_findings"]
    assert (figure.value, figure.interval) == (None, None)


def test_the_area_agrees_with_mapie_and_the_curve_ends_at_the_error_rate() -> None:
    probabilities, targets = honest_answers(1500, seed=8)
    correct = probabilities.argmax(axis=1) == targets
    area = risk_coverage_area(resamples(1500), probabilities, targets)
    assert area.value == pytest.approx(1 - auarc(correct, probabilities.max(axis=1)), abs=1e-4)
    assert area.value is not None
    assert area.interval is not None
    assert area.interval[0] < area.value < area.interval[1]
    curve = risk_coverage(probabilities, targets)
    assert curve["coverage"][-1] == 1.0
    assert curve["risk"][-1] == pytest.approx(1 - correct.mean(), abs=1e-4)
    assert curve["risk"][len(curve["risk"]) // 4] < curve["risk"][-1], (
        "the surest answers are right more often"
    )
