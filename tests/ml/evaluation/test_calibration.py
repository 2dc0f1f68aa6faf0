"""Calibration does what its guarantees say, on data where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from ml.contracts import FloatImage
from ml.evaluation.calibration import (
    OPERATING_SENSITIVITY,
    Probabilities,
    Targets,
    calibrated,
    conformal_quantiles,
    fit_temperature,
    operating_points,
    prediction_sets,
)

LABELS = ("normal", "covid19", "lung_opacity")


def overconfident(n: int, seed: int) -> tuple[FloatImage, Targets]:
    """Draw targets from softmax(logits), then triple the logits; the last class is rare."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (n, 3)) + np.array([1.0, 0.5, -2.0])
    probabilities = calibrated(logits.astype(np.float32), 1.0)
    targets = np.array([random.choice(3, p=p) for p in probabilities], np.intp)
    return (3 * logits).astype(np.float32), targets


def test_temperature_undoes_overconfidence() -> None:
    assert fit_temperature(*overconfident(4000, seed=1)) == pytest.approx(3.0, rel=0.1)


def test_probabilities_sum_to_one() -> None:
    logits, _ = overconfident(50, seed=2)
    np.testing.assert_allclose(calibrated(logits * 100, 1.0).sum(axis=1), 1.0)


def test_every_class_is_covered_and_not_only_the_average() -> None:
    logits, targets = overconfident(6000, seed=3)
    quantiles = conformal_quantiles(calibrated(logits, 3.0), targets, LABELS, miscoverage=0.05)
    logits, targets = overconfident(6000, seed=4)
    sets = prediction_sets(calibrated(logits, 3.0), quantiles, LABELS)
    for k in range(3):
        own = targets == k
        assert sets[own, k].mean() > 0.95 - 3 * np.sqrt(0.05 * 0.95 / own.sum())


def test_too_few_images_put_the_finding_into_every_set() -> None:
    logits, targets = overconfident(10, seed=5)
    quantiles = conformal_quantiles(calibrated(logits, 3.0), targets, LABELS, miscoverage=0.05)
    assert set(quantiles.values()) == {1.0}
    assert prediction_sets(calibrated(logits, 3.0), quantiles, LABELS).all()


def test_the_operating_point_keeps_its_sensitivity() -> None:
    logits, targets = overconfident(3000, seed=6)
    probabilities = calibrated(logits, 3.0)
    for k, threshold in enumerate(operating_points(probabilities, targets, LABELS).values()):
        own = probabilities[targets == k, k]
        assert (own >= threshold).mean() >= OPERATING_SENSITIVITY
        assert (own > threshold).mean() <= OPERATING_SENSITIVITY + 0.01


class GivenProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier for MAPIE whose features already are its probabilities."""

    classes_ = np.arange(len(LABELS))
    is_fitted_ = True

    def fit(self, features: Probabilities, targets: Targets) -> GivenProbabilities:
        return self

    def predict(self, features: Probabilities) -> Targets:
        return np.asarray(features.argmax(axis=1))

    def predict_proba(self, features: Probabilities) -> Probabilities:
        return features


def test_each_findings_sets_are_those_of_mapie_on_its_images_alone() -> None:
    logits, targets = overconfident(800, seed=7)
    probabilities = calibrated(logits, 3.0)
    quantiles = conformal_quantiles(probabilities, targets, LABELS, miscoverage=0.1)
    fresh = calibrated(overconfident(500, seed=8)[0], 3.0)
    sets = prediction_sets(fresh, quantiles, LABELS)
    for k in range(len(LABELS)):
        own = targets == k
        mapie = SplitConformalClassifier(
            GivenProbabilities(), confidence_level=0.9, conformity_score="lac", prefit=True
        )
        with pytest.warns(UserWarning, match="less labels"):  # one finding only is the point
            mapie.conformalize(probabilities[own], targets[own])
        _, theirs = mapie.predict_set(fresh)
        np.testing.assert_array_equal(sets[:, k], theirs[:, k, 0])


def test_a_finding_without_calibration_images_has_no_operating_point() -> None:
    logits, targets = overconfident(50, seed=9)
    with pytest.raises(ValueError, match="No calibration image of covid19; expected at least one"):
        operating_points(calibrated(logits, 3.0), np.where(targets == 1, 0, targets), LABELS)
