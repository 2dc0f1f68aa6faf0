"""Is a candidate better than the champion? Both answer for the candidate's own test images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.audit.subject import Progress
from ml.audit.version import audited_sides
from ml.contracts import ModelSpec, findings_of
from ml.datasets.augmentation import as_tensor
from ml.datasets.crops import LungNetwork, prepare_crops
from ml.datasets.manifest import ManifestRow, read_manifest
from ml.evaluation.calibration import Probabilities, calibrated
from ml.evaluation.comparison import BETTER, CANNOT_TELL, WORSE, compare_versions
from ml.graph import Graph
from ml.model_folder import check_folder
from ml.preprocessing import Preprocessing

DECIDING = ("balanced_accuracy", "auroc_macro", "brier")
"""The figures that count, chosen beforehand: right answers in every class, their order, their honesty."""


def compare_with_champion(
    candidate: Path,
    champion: Path,
    *manifests: Path,
    champion_name: str,
    cache_dir: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Compare two versions' folders on the test side of the candidate's run, patients resampled in pairs.

    Keys: `champion` (as named), `n groups side rows verdict meaning`; a row has `metric candidate champion
    difference interval verdict`. Worse in one of `DECIDING` is worse; better in one, and worse in none, is
    better. The candidate has never seen these images. The champion may have, which can only speak for it.
    Versions whose classes do not fit together give no rows and `cannot tell`. Raises `ModelFolderError`
    or `ManifestError`.
    """
    ours, theirs = check_folder(candidate), check_folder(champion)
    lineage = json.loads((candidate / "lineage.json").read_text(encoding="utf-8"))
    sides = audited_sides(read_manifest(*manifests), ours, lineage, fold=None)
    weights = _translation(theirs, ours)
    compared: dict[str, Any] = {"champion": champion_name, "n": len(sides.audited), "side": sides.description}
    if weights is None:
        return {
            **compared,
            "groups": len({row.group for row in sides.audited}),
            "rows": [],
            "verdict": CANNOT_TELL,
            "meaning": (
                f"{champion_name} tells {', '.join(theirs.labels)}; the candidate {', '.join(ours.labels)}. "
                "The one's answers cannot be read as the other's, so that the two cannot be compared."
            ),
        }
    answers = []
    for done, (folder, spec) in enumerate(((candidate, ours), (champion, theirs))):
        progress("comparing", done, 2)
        answers.append(_answers(folder, spec, sides.audited, cache_dir))
    progress("comparing", 2, 2)
    read = answers[1] @ weights
    index = {
        finding: k for k, label in enumerate(ours.labels) for finding in findings_of(label, ours.classes)
    }
    figures = compare_versions(
        read / read.sum(axis=1, keepdims=True),
        answers[0],
        np.array([index[row.label] for row in sides.audited], np.intp),
        labels=ours.labels,
        groups=[row.group for row in sides.audited],
    )
    rows = [
        {
            "metric": metric,
            "candidate": figure["challenger"],
            **{key: figure[key] for key in ("champion", "difference", "interval", "verdict")},
        }
        for metric, figure in figures["figures"].items()
    ]
    verdict = _verdict([row["verdict"] for row in rows if row["metric"] in DECIDING])
    return {
        **compared,
        "groups": figures["groups"],
        "rows": rows,
        "verdict": verdict,
        "meaning": f"{verdict}, by {', '.join(DECIDING)}; the other figures are shown and do not decide.",
    }


def _verdict(deciding: Sequence[str]) -> str:
    if WORSE in deciding:
        return WORSE
    return BETTER if BETTER in deciding else CANNOT_TELL


def _translation(theirs: ModelSpec, ours: ModelSpec) -> NDArray[np.float64] | None:
    """Give the matrix (k theirs, k ours) that reads their probabilities as ours; None where none does.

    Their classes that lie within one of ours are added up; those that we do not tell are left out, so that
    what remains is their answer to our question. A class of ours must be made up of theirs entirely.
    """
    weights = np.zeros((len(theirs.labels), len(ours.labels)))
    for k, label in enumerate(ours.labels):
        wanted = set(findings_of(label, ours.classes))
        found: set[str] = set()
        for j, other in enumerate(theirs.labels):
            gathered = set(findings_of(other, theirs.classes))
            if gathered <= wanted:
                weights[j, k] = 1.0
                found |= gathered
        if found != wanted:
            return None
    return weights


def _answers(
    folder: Path, spec: ModelSpec, rows: Sequence[ManifestRow], cache_dir: Path | None
) -> Probabilities:
    crops = prepare_crops(
        rows,
        lungs=LungNetwork(folder),
        input_size=spec.input_size,
        preprocessing=Preprocessing.from_json(spec.preprocessing),
        cache_dir=cache_dir,
    )
    logits = Graph(folder / "model.xml")(as_tensor(crops.images))["logits"]
    return calibrated(logits, spec.temperature)
