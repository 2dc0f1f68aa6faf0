"""Rates come from whole epochs, the first one of every fit left out."""

from __future__ import annotations

import pytest

from benchmarks.training import EPOCH_SIZE, Moment, images_per_second, processor_ms

FITS = (
    [Moment(100, 10), Moment(102, 13), Moment(106, 17)],
    [Moment(200, 20), Moment(203, 25)],
)


def test_rates_are_those_of_the_median_epoch_and_the_first_does_not_count() -> None:
    assert images_per_second(FITS) == pytest.approx(EPOCH_SIZE / 3)
    assert processor_ms(FITS) == pytest.approx(4000 / EPOCH_SIZE)
