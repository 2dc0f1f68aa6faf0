"""A planted shift raises the alarm; an unchanged stream of a thousand images does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring.rates import calibration_error, rate_of
from ml.monitoring.shifts import Sample, maximum_mean_discrepancy, shifts, stability_index

LABELS = ["normal", "covid19", "lung_opacity"]


def stream(n: int, seed: int) -> Sample:
    random = np.random.default_rng(seed)
    brightness = random.normal(0.5, 0.08, n)
    return Sample(
        numbers={
            "brightness": brightness,
            "contrast": 0.3 * brightness + random.normal(0.2, 0.03, n),
            "abnormality": random.beta(0.5, 0.8, n),
            "set size": random.choice([1.0, 1.0, 1.0, 2.0], n),
        },
        categories={
            "station": random.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1]).tolist(),
            "label": random.choice(LABELS, n, p=[0.7, 0.1, 0.2]).tolist(),
            "view": random.choice(["PA", "AP", ""], n).tolist(),
        },
    )


def part(whole: Sample, start: int, end: int) -> Sample:
    return Sample(
        {name: values[start:end] for name, values in whole.numbers.items()},
        {name: values[start:end] for name, values in whole.categories.items()},
    )


def alarms(reference: Sample, present: Sample) -> set[str]:
    return {shift.attribute for shift in shifts(reference, present) if shift.alarm}


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_stream_of_a_thousand_raises_no_alarm(seed: int) -> None:
    whole = stream(1000, seed)
    reference = part(whole, 0, 500)
    assert alarms(reference, part(whole, 500, 750)) == set()
    assert alarms(reference, part(whole, 750, 1000)) == set()


def test_less_contrast_raises_it() -> None:
    present = stream(250, 2)
    numbers = {**present.numbers, "contrast": present.numbers["contrast"] * 0.85}
    found = alarms(stream(500, 1), replace(present, numbers=numbers))
    assert found == {"contrast", "all numbers together"}


def test_another_device_raises_it() -> None:
    present = stream(250, 2)
    stations = ["new" if i % 3 == 0 else one for i, one in enumerate(present.categories["station"])]
    assert alarms(
        stream(500, 1), replace(present, categories={**present.categories, "station": stations})
    ) == {"station"}


def test_another_mix_of_labels_raises_it() -> None:
    present = stream(250, 2)
    labels = np.random.default_rng(3).choice(LABELS, 250, p=[0.45, 0.35, 0.2]).tolist()
    categories = {**present.categories, "label": labels}
    assert alarms(stream(500, 1), replace(present, categories=categories)) == {"label"}


def test_what_only_the_joint_distribution_tells_raises_it() -> None:
    before, now = stream(500, 1).numbers["brightness"], stream(250, 2).numbers["brightness"]
    tied = Sample({"a": before, "b": before}, {})
    loose = Sample({"a": now, "b": np.random.default_rng(4).permutation(now)}, {})
    assert alarms(tied, loose) == {"all numbers together"}


def test_a_missing_or_constant_number_says_nothing() -> None:
    nothing = np.full(100, np.nan)
    constant = np.ones(100)
    sample = Sample({"nothing": nothing, "constant": constant}, {"empty": [""] * 100})
    assert alarms(sample, sample) == set()
    assert maximum_mean_discrepancy(np.ones((100, 2)), np.ones((100, 2)), seed=0) == (0.0, 1.0)


@given(st.lists(st.integers(min_value=0, max_value=50), min_size=2, max_size=8))
def test_equal_shares_have_a_stability_index_of_nothing(counts: list[int]) -> None:
    before = np.array(counts)
    assert stability_index(before, 3 * before) == pytest.approx(0)
    assert stability_index(before, np.array(counts[::-1])) >= 0


def test_rates_have_intervals_that_hold_them() -> None:
    assert rate_of(0, 0) is None
    rate = rate_of(9, 10)
    assert rate is not None
    assert rate.low < rate.rate == 0.9 < rate.high < 1


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    assert calibration_error([], []) is None
    assert calibration_error([0.85] * 20, [True] * 17 + [False] * 3) == pytest.approx(0)
    assert calibration_error([0.95] * 10, [False] * 10) == pytest.approx(0.95)
