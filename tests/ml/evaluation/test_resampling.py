"""Intervals hold the truth as often as they say, and patients are what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.resampling import Figure, PatientResamples, mean_of


def test_intervals_hold_the_truth_of_clustered_images() -> None:
    """Ten images a patient, alike within the patient: intervals over images would hold it half as often."""
    random = np.random.default_rng(0)
    truth, held = 0.7, 0
    for trial in range(150):
        share = random.beta(7 * 0.4, 3 * 0.4, 60)
        hits = random.random((60, 10)) < share[:, np.newaxis]
        groups = [f"p{i}" for i in range(60) for _ in range(10)]
        resamples = PatientResamples(groups, resamples=300, seed=trial)
        interval = resamples.share(hits.ravel(), np.ones(600, np.bool_)).interval
        assert interval is not None
        held += interval[0] <= truth <= interval[1]
    assert 0.88 <= held / 150 <= 0.99


def test_the_first_sample_is_the_images_themselves() -> None:
    resamples = PatientResamples(["a", "a", "b"], resamples=50)
    values = np.array([1.0, 2.0, 4.0])
    sums = resamples.sums(values)
    assert sums.shape == (51,)
    assert sums[0] == 7.0
    assert set(sums[1:].tolist()) == {6.0, 7.0, 8.0}, "a's images come and go together"
    weights = np.concatenate(list(resamples.weights()))
    np.testing.assert_array_equal(weights @ values, sums)


def test_the_same_seed_gives_the_same_interval() -> None:
    groups = [str(i) for i in range(40)]
    part = np.arange(40) % 3 == 0
    first, again, other = (
        PatientResamples(groups, seed=seed).share(part, np.ones(40, np.bool_)).samples for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("patients", "lower"), [(5, 0.5655), (100, 0.9630)])
def test_a_share_that_is_always_one_has_wilsons_interval(patients: int, lower: float) -> None:
    """Wilson 1927: n / (n + 1.96²) when all of n are hits."""
    every = np.ones(2 * patients, np.bool_)
    groups = [str(i // 2) for i in range(2 * patients)]
    figure = PatientResamples(groups).share(every, every)
    assert figure.value == 1.0
    assert figure.interval == pytest.approx([lower, 1.0], abs=1e-3)


def test_what_is_undefined_has_neither_value_nor_interval() -> None:
    resamples = PatientResamples(["a", "b"])
    nothing = np.zeros(2, np.bool_)
    figure = resamples.share(nothing, nothing)
    assert (figure.value, figure.interval) == (None, None)
    known = resamples.share(np.array([True, False]), np.ones(2, np.bool_))
    assert mean_of([figure, known]).value == 0.5
    assert Figure(np.array([0.3])).interval is None
