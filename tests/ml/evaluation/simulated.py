"""Answers of an imaginary version whose truth is drawn from its own probabilities, so that all is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.contracts import Finding, ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import (
    Probabilities,
    Targets,
    calibrated,
    conformal_quantiles,
    operating_points,
)

LABELS = ("normal", "covid19", "lung_opacity")


def honest_answers(n: int, *, seed: int, spread: float = 1.5) -> tuple[Probabilities, Targets]:
    """Draw probabilities (n, 3) and, from them, the truth: calibrated by construction."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, spread, (n, len(LABELS))) + np.array([0.6, 0.2, -0.5])
    probabilities = calibrated(logits.astype(np.float32), 1.0)
    targets = np.array([random.choice(len(LABELS), p=row) for row in probabilities], np.intp)
    return probabilities, targets


def drawn_rows(targets: Targets, *, patients: int, seed: int = 0) -> list[ManifestRow]:
    """Give rows of several images a patient, with sources, sexes, ages and views, some of them unknown."""
    random = np.random.default_rng(seed)
    return [
        ManifestRow(
            path=Path(f"{i}.png"),
            label=LABELS[target],
            group=f"patient-{random.integers(patients)}",
            fold=0,
            image_id=str(i),
            source=str(random.choice(["north", "south", "<b>east & co</b>"])),
            sex=str(random.choice(["M", "F", ""])),
            age=str(random.choice(["7", "33", "055Y", "81", ""])),
            view=str(random.choice(["AP", "PA", "AP Supine", ""])),
        )
        for i, target in enumerate(targets)
    ]


def calibrated_spec(*, seed: int = 77) -> ModelSpec:
    """Give a version whose thresholds come from images of their own."""
    probabilities, targets = honest_answers(2000, seed=seed)
    return ModelSpec(
        name="cxr",
        architecture="none",
        labels=LABELS,
        input_size=64,
        preprocessing_version="none",
        temperature=1.0,
        conformal_quantiles=conformal_quantiles(probabilities, targets, LABELS, miscoverage=0.05),
        operating_points=operating_points(probabilities, targets, LABELS),
        classes={label: (label,) for label in LABELS if label in set(Finding)},
    )
