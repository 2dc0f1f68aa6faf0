"""A7: evidence inside the lungs, in the geometry of the image."""

from __future__ import annotations

import numpy as np
import pytest

from ml.audit.checks import NotAvailableError, Verdict
from ml.audit.lungs import evidence_in_lungs
from ml.audit.network import Film
from ml.contracts import FloatImage
from tests.ml.audit.situations import LABELS, row, subject, with_sample
from tests.ml.conftest import chest, lung_probabilities

SIZE = 16


def maps(evidence: FloatImage, n: int) -> FloatImage:
    """Give the same map to every image and class."""
    return np.broadcast_to(evidence[np.newaxis, :, :, np.newaxis], (n, SIZE, SIZE, 2)).astype(np.float32)


def in_lungs() -> FloatImage:
    """Give a map that is positive in the middle of both lungs and negative elsewhere."""
    evidence = np.full((SIZE, SIZE), -1.0, np.float32)
    evidence[6:10, 4:6] = evidence[6:10, 10:12] = 1.0
    return evidence


@pytest.mark.parametrize(
    ("turned", "verdict"), [(False, Verdict.PASS), (True, Verdict.FAIL)], ids=["lungs", "elsewhere"]
)
def test_evidence_is_placed_in_the_image(turned: bool, verdict: Verdict) -> None:
    films = [Film(chest(seed=seed), lung_probabilities()) for seed in range(4)]
    evidence = -in_lungs() if turned else in_lungs()
    made = subject([row(n, LABELS[n % 2]) for n in range(4)])
    check = evidence_in_lungs(with_sample(made, films, maps(evidence, 4)))
    assert check.verdict == verdict
    assert check.details["n"] == 4
    assert check.details["if_spread_evenly"] == pytest.approx(films[0].lungs.mean(), abs=1e-4)


def test_without_lungs_or_evidence_there_is_no_figure() -> None:
    rows = [row(n, "normal") for n in range(2)]
    empty = np.zeros((128, 128), np.float32)
    with pytest.raises(NotAvailableError, match="no lungs"):
        films = [Film(chest(), empty)] * 2
        evidence_in_lungs(with_sample(subject(rows), films, maps(in_lungs(), 2)))
    with pytest.raises(NotAvailableError, match="positive evidence"):
        films = [Film(chest(), lung_probabilities())] * 2
        evidence_in_lungs(with_sample(subject(rows), films, maps(-np.abs(in_lungs()), 2)))
