"""The COVID-19 status is measured by serving's own rule; predictive values follow Bayes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation.covid19 import PREVALENCES, status_report
from ml.evaluation.resampling import PatientResamples
from tests.ml.evaluation.simulated import calibrated_spec

SPEC = replace(
    calibrated_spec(),
    conformal_quantiles={"normal": 0.7, "covid19": 0.7, "lung_opacity": 0.7},
    operating_points={"normal": 0.5, "covid19": 0.5, "lung_opacity": 0.5},
)
POSITIVE, NEGATIVE, UNSURE = [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.5, 0.4, 0.1]
PROBABILITIES = np.array([POSITIVE] * 6 + [NEGATIVE] + [UNSURE] * 3 + [NEGATIVE] * 8 + [POSITIVE, UNSURE])
TARGETS = np.array([1] * 10 + [0] * 5 + [2] * 5)


def resamples() -> PatientResamples:
    return PatientResamples([str(i) for i in range(20)])


def test_answers_are_counted_by_hand() -> None:
    status = status_report(resamples(), PROBABILITIES, TARGETS, spec=SPEC)
    assert status is not None
    assert (status["n_covid19"], status["n_others"]) == (10, 10)
    assert (status["sensitivity"], status["missed"], status["inconclusive_covid19"]) == (0.6, 0.1, 0.3)
    assert (status["specificity"], status["false_alarms"], status["inconclusive_others"]) == (0.8, 0.1, 0.1)
    assert status["decided_sensitivity"] == pytest.approx(6 / 7, abs=1e-4)
    assert status["decided_specificity"] == pytest.approx(8 / 9, abs=1e-4)
    assert set(status["intervals"]) >= {"sensitivity", "specificity", "missed", "false_alarms"}


def test_predictive_values_follow_bayes() -> None:
    status = status_report(resamples(), PROBABILITIES, TARGETS, spec=SPEC)
    assert status is not None
    rows = {row["prevalence"]: row for row in status["at_prevalence"]}
    assert tuple(rows) == PREVALENCES
    assert rows[0.5]["ppv"] == pytest.approx(6 / 7, abs=1e-4), "the share in these images"
    assert rows[0.1]["ppv"] == pytest.approx(0.1 * 0.6 / (0.1 * 0.6 + 0.9 * 0.1), abs=1e-4)
    assert rows[0.1]["npv"] == pytest.approx(0.9 * 0.8 / (0.9 * 0.8 + 0.1 * 0.1), abs=1e-4)
    low, high = rows[0.1]["ppv_interval"]
    assert low < rows[0.1]["ppv"] < high
    values = [row["ppv"] for row in status["at_prevalence"]]
    assert values == sorted(values), "the rarer the disease, the less a positive answer is worth"


def test_a_class_that_gathers_covid19_under_another_name_counts() -> None:
    labels = ("negative", "positive", "other")
    renamed = replace(
        SPEC,
        labels=labels,
        conformal_quantiles=dict.fromkeys(labels, 0.7),
        operating_points=dict.fromkeys(labels, 0.5),
        classes={"negative": ("normal",), "positive": ("covid19",), "other": ("lung_opacity",)},
    )
    status = status_report(resamples(), PROBABILITIES, TARGETS, spec=renamed)
    assert status is not None
    assert status["sensitivity"] == 0.6


def test_a_version_that_knows_no_covid19_has_no_status() -> None:
    labels = ("normal", "viral_pneumonia", "lung_opacity")
    other = replace(
        SPEC,
        labels=labels,
        conformal_quantiles=dict.fromkeys(labels, 0.7),
        operating_points=dict.fromkeys(labels, 0.5),
        classes={},
    )
    assert status_report(resamples(), PROBABILITIES, TARGETS, spec=other) is None
