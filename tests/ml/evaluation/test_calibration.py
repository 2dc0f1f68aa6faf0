"""Calibration does what its guarantees say, on data where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from ml.contracts import FloatImage
from ml.evaluation.calibration import (
    OPERATING_SENSITIVITY,
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
