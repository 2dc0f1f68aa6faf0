"""K-fold cross-validation of a recipe: one training per fold, each measured on images new to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.datasets.manifest import ManifestError, read_manifest
from ml.evaluation.ranking import ranking
from ml.evaluation.resampling import PatientResamples, rounded
from ml.training.config import ProgressCallback, TrainingConfig, TrainingProgress
from ml.training.protocols import cross_validation
from ml.training.trial import Measured

FIGURES = ("accuracy", "balanced_accuracy", "auroc_macro")


def measure_folds(config: TrainingConfig, *, kept: Path, progress: ProgressCallback) -> dict[str, Any]:
    """Train and measure once per fold.

    Keys: `folds`, a list of `fold n accuracy balanced_accuracy auroc_macro`; `mean` and `deviation` of the
    three (standard deviation over the folds, one degree of freedom). An area is null in a fold that holds
    one class only. A fold's figures are kept as a file in
    the folder `kept`, and a run that finds one there goes on with the next fold. Raises what `train` raises.
    """
    kept.mkdir(parents=True, exist_ok=True)
    folds = []
    known = _known_folds(config)
    for done, fold in enumerate(known):
        path = kept / f"fold-{fold}.json"
        if not path.is_file():
            parts = cross_validation(
                config, test_folds=[fold], progress=_numbered(progress, fold, done, len(known))
            )
            partial = path.with_suffix(".partial")
            partial.write_text(
                json.dumps({"fold": fold, **_figures(parts[fold], classes=len(config.classes))})
            )
            partial.replace(path)
        folds.append(json.loads(path.read_text()))
    values = {name: [fold[name] for fold in folds if fold[name] is not None] for name in FIGURES}
    measured = {name: figures for name, figures in values.items() if len(figures) > 1}
    return {
        "folds": folds,
        "mean": {name: rounded(np.mean(figures)) for name, figures in measured.items()},
        "deviation": {name: rounded(np.std(figures, ddof=1)) for name, figures in measured.items()},
    }


def _known_folds(config: TrainingConfig) -> list[int]:
    if config.folds is not None:
        return list(range(config.folds))
    found = {row.fold for row in read_manifest(*config.manifests).radiographs if row.fold is not None}
    if len(found) < 3:
        raise ManifestError(
            f"The manifest has the folds {sorted(found)}; cross-validation needs at least 3. Give --folds."
        )
    return sorted(found)


def _figures(measured: Measured, *, classes: int) -> dict[str, Any]:
    predicted = measured.probabilities.argmax(axis=1)
    correct = predicted == measured.targets
    resamples = PatientResamples([row.group for row in measured.rows])
    present = [k for k in range(classes) if (measured.targets == k).any()]
    sensitivity = [correct[measured.targets == k].mean() for k in present]
    areas = [ranking(resamples, measured.targets == k, measured.probabilities[:, k]).auroc for k in present]
    known = [area.value for area in areas if area.value is not None]
    return {
        "n": len(measured.rows),
        "accuracy": rounded(correct.mean()),
        "balanced_accuracy": rounded(np.mean(sensitivity)),
        "auroc_macro": rounded(np.mean(known)) if known else None,
    }


def _numbered(progress: ProgressCallback, fold: int, done: int, total: int) -> ProgressCallback:
    """Say which fold a step belongs to, in its figures too: its epochs are not the candidate's."""

    def report(step: TrainingProgress) -> None:
        stage = step.stage.removeprefix(f"fold {fold}: ")
        figures = {**step.metrics, "fold": float(fold)}
        progress(replace(step, stage=f"cross-validation {done + 1} of {total}: {stage}", metrics=figures))

    return report
