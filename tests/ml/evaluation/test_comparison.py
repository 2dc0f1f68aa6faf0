"""Two versions on the same images: differences are found where they are, and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.calibration import Probabilities
from ml.evaluation.comparison import BETTER, CANNOT_TELL, WORSE, compare_versions
from tests.ml.evaluation.simulated import LABELS, honest_answers

PROBABILITIES, TARGETS = honest_answers(900, seed=31)
GROUPS = [str(i // 3) for i in range(900)]


def blurred(strength: float, seed: int) -> Probabilities:
    """Give worse answers of the same kind: noise on the logits."""
    random = np.random.default_rng(seed)
    odds = PROBABILITIES * np.exp(random.normal(0, strength, PROBABILITIES.shape))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def test_a_worse_version_is_found_out_whichever_side_it_stands_on() -> None:
    worse = blurred(2.0, seed=1)
    found = compare_versions(PROBABILITIES, worse, TARGETS, labels=LABELS, groups=GROUPS)
    assert (found["n"], found["groups"]) == (900, 300)
    for name in ("accuracy", "balanced_accuracy", "auroc_macro", "brier", "ece"):
        assert found["figures"][name]["verdict"] == WORSE, name
    mirrored = compare_versions(worse, PROBABILITIES, TARGETS, labels=LABELS, groups=GROUPS)
    for name, figure in mirrored["figures"].items():
        assert figure["difference"] == -found["figures"][name]["difference"]
        assert figure["verdict"] != WORSE
    assert mirrored["figures"]["accuracy"]["verdict"] == BETTER


def test_a_version_is_no_better_than_itself() -> None:
    found = compare_versions(PROBABILITIES, PROBABILITIES, TARGETS, labels=LABELS, groups=GROUPS)
    for figure in found["figures"].values():
        assert figure["difference"] == 0.0
        assert figure["verdict"] == CANNOT_TELL


def test_equally_good_versions_are_rarely_told_apart() -> None:
    verdicts = []
    for trial in range(30):
        first, second = blurred(0.7, seed=100 + trial), blurred(0.7, seed=200 + trial)
        found = compare_versions(
            first[:150], second[:150], TARGETS[:150], labels=LABELS, groups=GROUPS[:150], seed=trial
        )
        verdicts.append(found["figures"]["brier"]["verdict"])
    assert verdicts.count(CANNOT_TELL) >= 25


def test_pairing_sees_what_separate_intervals_cannot() -> None:
    slightly = blurred(0.6, seed=5)
    figure = compare_versions(PROBABILITIES, slightly, TARGETS, labels=LABELS, groups=GROUPS)["figures"][
        "brier"
    ]
    low, high = figure["interval"]
    assert low <= figure["difference"] <= high
    assert high - low < 0.05
    assert figure["verdict"] == WORSE


def test_answers_for_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="same images and labels"):
        compare_versions(PROBABILITIES, PROBABILITIES[:-1], TARGETS, labels=LABELS, groups=GROUPS)
