"""Train and measure by a published protocol, fold by fold, through `ml.training.protocols`."""

from __future__ import annotations

import csv
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from benchmarks.papers.figures import accuracy_figures
from benchmarks.papers.published import Paper
from ml.datasets.manifest import Manifest, ManifestRow, read_manifest, select_classes
from ml.datasets.split import DEFAULT_FOLDS, assign_folds
from ml.training.config import ProgressCallback, TrainingConfig
from ml.training.lineage import lineage_record
from ml.training.protocols import cross_validation

CALIBRATION_PARTS = 8
"""Of what is not tested, one part in eight chooses the epoch and sets the temperature."""

BY_PATIENT = (
    "Patients (with every near-duplicate) are apart: the manifest's folds where it has them. Of the other "
    "folds one part in eight, by patient, chooses the epoch and sets the temperature; the rest trains."
)
BY_IMAGE = (
    "Leaky, as published: folds of images, with patients on both sides. Every image counts as a patient of "
    "its own while folds are made and while networks are trained; intervals resample the real patients. Of "
    "the other folds one part in eight, by image, chooses the epoch and sets the temperature."
)


def reproduce(
    paper: Paper,
    config: TrainingConfig,
    *,
    leaky: bool = False,
    test_folds: Sequence[int] | None = None,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Train by a paper's protocol on the manifests of `config`, whose classes become the paper's.

    `leaky` makes the folds of images, as published, instead of patients; `test_folds` measures some folds
    only. Gives values that JSON can hold: `paper`, `leaky`, `folds`, the figures of `accuracy_figures`,
    and the lineage. Raises `ManifestError` or `TrainingConfigError`.
    """
    started = time.monotonic()
    manifest = read_manifest(*config.manifests)
    chosen = [row for row in manifest.radiographs if paper.source in (None, row.source)]
    rows, targets = select_classes(chosen, paper.classes)
    folds = image_folds(targets, seed=config.seed) if leaky else patient_folds(rows, targets, config.seed)
    with tempfile.TemporaryDirectory() as scratch:
        run = replace(
            config,
            manifests=(write_manifest(Path(scratch) / "manifest.csv", rows, folds, leaky=leaky),),
            out_dir=Path(scratch) / "none",
            classes=paper.classes,
            folds=None,
        )
        run.check()
        parts = cross_validation(
            run, test_folds=test_folds, calibration_parts=CALIBRATION_PARTS, progress=progress
        )
    answered = {
        fold: replace(part, rows=tuple(rows[int(row.image_id)] for row in part.rows))
        for fold, part in parts.items()
    }
    return {
        "paper": paper.name,
        "title": paper.title,
        "published": {
            "accuracy": paper.accuracy,
            "citation": paper.citation,
            "protocol": paper.protocol,
        },
        "leaky": leaky,
        "protocol": BY_IMAGE if leaky else BY_PATIENT,
        "folds": {"measured": sorted(parts), "of": len(set(folds.tolist()))},
        "patients_on_both_sides": shared_patients(rows, folds, sorted(parts)),
        **accuracy_figures(answered, tuple(paper.classes), seed=config.seed),
        "lineage": lineage_record(
            replace(config, classes=paper.classes),
            manifest=Manifest(rows, manifest.sha256),
            sides={"all folds": {"images": len(rows), "groups": len({row.group for row in rows})}},
            history=[],
            lungs=json.loads((config.lungs / "lungs.json").read_text()),
            wall_seconds=time.monotonic() - started,
        ),
    }


def image_folds(targets: Sequence[int], *, seed: int) -> NDArray[np.intp]:
    """Give each image a fold, balanced by class and blind to patients."""
    folds = np.empty(len(targets), np.intp)
    splitter = StratifiedKFold(DEFAULT_FOLDS, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(targets)), targets)):
        folds[held_out] = fold
    return folds


def patient_folds(rows: Sequence[ManifestRow], targets: Sequence[int], seed: int) -> NDArray[np.intp]:
    """Give each image its manifest's fold, or one by group where the manifest has none."""
    return assign_folds(rows, targets, folds=None, seed=seed)


def write_manifest(path: Path, rows: Sequence[ManifestRow], folds: NDArray[np.intp], *, leaky: bool) -> Path:
    """Write the protocol's own manifest; an image's identifier is its number in `rows`.

    In a leaky one no image has a group, which makes each a patient of its own: what the protocol assumes.
    The checks of every training then hold for it.
    """
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image_id", "file", "label", "source", "group", "fold"])
        for number, (row, fold) in enumerate(zip(rows, folds, strict=True)):
            group = "" if leaky else row.group
            writer.writerow([number, row.path.resolve(), row.label, row.source, group, fold])
    return path


def shared_patients(rows: Sequence[ManifestRow], folds: NDArray[np.intp], measured: Sequence[int]) -> float:
    """Give the share of the measured images whose patient also has images in another fold."""
    folds_of: dict[str, set[int]] = {}
    for row, fold in zip(rows, folds.tolist(), strict=True):
        folds_of.setdefault(row.group, set()).add(fold)
    shared = [
        len(folds_of[row.group]) > 1
        for row, fold in zip(rows, folds.tolist(), strict=True)
        if fold in measured
    ]
    return round(sum(shared) / len(shared), 4)


def result_name(result: Mapping[str, Any]) -> str:
    """Name a result's files: the paper, whether it leaks, and the folds where some are missing."""
    measured = result["folds"]["measured"]
    parts = [result["paper"], "leaky" if result["leaky"] else ""]
    if len(measured) < result["folds"]["of"]:
        parts.append("fold" + "-".join(str(fold) for fold in measured))
    return "-".join(part for part in parts if part)
