"""Figures of a reproduction: pooled, by fold, with intervals that know which images share a patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.papers.figures import accuracy_figures
from ml.datasets.manifest import ManifestRow
from ml.training.trial import Measured

pytestmark = pytest.mark.training

LABELS = ("normal", "covid19")


def measured(targets: list[int], called: list[int], patients: list[str]) -> Measured:
    probabilities = np.where(np.eye(2)[called] == 1, 0.9, 0.1)
    rows = tuple(
        ManifestRow(Path(f"{i}.png"), LABELS[target], patient, None, str(i))
        for i, (target, patient) in enumerate(zip(targets, patients, strict=True))
    )
    return Measured(probabilities, np.array(targets), rows)


def test_folds_are_pooled_by_image_and_shown_one_by_one() -> None:
    first = measured([0, 0, 0, 1], [0, 0, 0, 0], ["a", "b", "c", "d"])
    second = measured([0, 1], [0, 1], ["e", "f"])
    figures = accuracy_figures({3: first, 1: second}, LABELS, seed=0)
    assert figures["n"] == figures["groups"] == 6
    assert figures["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
    assert figures["balanced_accuracy"] == 0.75
    assert {fold: part["accuracy"] for fold, part in figures["per_fold"].items()} == {"3": 0.75, "1": 1.0}
    assert figures["mean_of_folds"] == 0.875
    assert figures["deviation_of_folds"] == pytest.approx(0.1768)
    assert figures["confusion"] == {
        "normal": {"normal": 4, "covid19": 0},
        "covid19": {"normal": 1, "covid19": 1},
    }
    assert figures["per_class"]["covid19"]["sensitivity"]["value"] == 0.5
    assert figures["per_class"]["covid19"]["precision"]["value"] == 1.0


def test_one_fold_has_no_deviation() -> None:
    figures = accuracy_figures({0: measured([0, 1], [0, 1], ["a", "b"])}, LABELS, seed=0)
    assert figures["deviation_of_folds"] is None


def test_images_of_one_patient_make_intervals_wider() -> None:
    targets, called = [0, 1] * 40, [0, 1] * 30 + [1, 0] * 10
    apart = [str(i) for i in range(80)]
    shared = [str(i // 8) for i in range(80)]
    widths = []
    for patients in (apart, shared):
        figures = accuracy_figures({0: measured(targets, called, patients)}, LABELS, seed=0)
        low, high = figures["intervals"]["accuracy"]
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]
