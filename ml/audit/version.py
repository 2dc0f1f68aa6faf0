"""Audit a model version: every check, one verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml.audit.checks import Check, NotAvailableError, Verdict, overall
from ml.audit.leakage import leakage
from ml.audit.lungs import evidence_in_lungs, lungs_blacked_out, lungs_only
from ml.audit.network import AuditedNetwork
from ml.audit.people import children_and_adults, equal_sensitivity
from ml.audit.robustness import corners_and_markers, stability
from ml.audit.sanity import sanity
from ml.audit.sources import better_than_source, source_hidden, unseen_hospitals
from ml.audit.subject import SAMPLE_SIZE, Progress, Subject
from ml.contracts import ModelSpec, findings_of
from ml.datasets.manifest import Manifest, ManifestError, ManifestRow, read_manifest
from ml.datasets.split import split_rows
from ml.evaluation.generalisation import read_generalisation
from ml.model_folder import ModelFolderError, check_folder, folder_digest
from ml.preprocessing import PreprocessingError

SCHEMA = 1
"""Changes when a reader of an audit's JSON has to change."""

CHECKS: Mapping[str, Callable[[Subject], Check]] = {
    "A1": better_than_source,
    "A2": source_hidden,
    "A3": lungs_blacked_out,
    "A4": corners_and_markers,
    "A5": lungs_only,
    "A6": unseen_hospitals,
    "A7": evidence_in_lungs,
    "A8": sanity,
    "A9": stability,
    "A10": leakage,
    "A11": children_and_adults,
    "A12": equal_sensitivity,
}


def audit_version(
    folder: Path,
    *manifests: Path,
    fold: int | None = None,
    parent: Mapping[str, Any] | None = None,
    controls: Mapping[str, Any] | None = None,
    checks: Sequence[str] = tuple(CHECKS),
    sample_size: int = SAMPLE_SIZE,
    seed: int = 0,
    cache_dir: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Audit a model version on a manifest's radiographs and give the result as values that JSON can hold.

    On the manifests that it was trained on, the version is audited on its own test fold; on others on all
    radiographs. `fold` asks for another one. `parent` is the audit of the version that it was fine-tuned
    from: what needs a training is inherited from there. `controls` are negative controls of its recipe that
    were just trained; without them those of its `generalisation.json` count. Fitness is not applied: every
    image counts.

    Keys: `schema model verdict summary checks data seconds finished_at`; a check has `code name figure
    interval threshold fails_beyond verdict meaning details`. Raises `ModelFolderError` or `ManifestError`.
    """
    started = time.monotonic()
    spec = check_folder(folder)
    try:
        network = AuditedNetwork(folder, spec)
    except PreprocessingError as error:
        raise ModelFolderError(f"{folder}: {error}") from error
    manifest = read_manifest(*manifests)
    sides = audited_sides(manifest, spec, _lineage(folder, spec), fold=fold)
    index = _index(spec)
    subject = Subject(
        folder=folder,
        spec=spec,
        network=network,
        rows=sides.audited,
        targets=np.array([index[row.label] for row in sides.audited], np.intp),
        development=sides.development,
        development_targets=np.array([index[row.label] for row in sides.development], np.intp),
        parent=parent or {},
        controls=controls or read_generalisation(folder) or {},
        sample_size=sample_size,
        seed=seed,
        cache_dir=cache_dir,
        progress=progress,
    )
    answered: list[Check] = []
    for code in checks:
        progress(code, len(answered), len(checks))
        answered.append(_answered(code, subject))
    verdict, summary = overall(tuple(answered))
    return {
        "schema": SCHEMA,
        "model": {
            "name": spec.name,
            "sha256": folder_digest(folder),
            "architecture": spec.architecture,
            "input_size": spec.input_size,
            "labels": list(spec.labels),
            "preprocessing_version": network.preprocessing.version,
        },
        "verdict": str(verdict),
        "summary": summary,
        "checks": [check.to_json() for check in answered],
        "data": {
            "manifests": dict(manifest.sha256),
            "side": sides.description,
            "images": len(sides.audited),
            "groups": len(set(subject.groups)),
            "altered_images": min(sample_size, len(sides.audited)),
            "development_images": len(sides.development),
            "seed": seed,
        },
        "seconds": round(time.monotonic() - started, 1),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows to audit, and those that the version was made with where they are known."""

    audited: tuple[ManifestRow, ...]
    development: tuple[ManifestRow, ...]
    description: str


def audited_sides(
    manifest: Manifest, spec: ModelSpec, lineage: Mapping[str, Any], *, fold: int | None
) -> Sides:
    """Choose the rows to audit; `ood_*` and labels that the version does not know are left out.

    Raises `ManifestError` when no row is left.
    """
    index = _index(spec)
    rows = tuple(row for row in manifest.radiographs if row.label in index)
    if not rows:
        raise ManifestError(f"The manifest has no radiograph of {', '.join(index)}; nothing to audit.")
    known = bool(lineage) and set(manifest.sha256.values()) == set(lineage["manifests"].values())
    development: tuple[ManifestRow, ...] = ()
    if known:
        settings = lineage["settings"]
        split = split_rows(
            rows,
            [index[row.label] for row in rows],
            folds=settings["folds"],
            test_fold=settings["test_fold"],
            calibration_fold=settings["calibration_fold"],
            seed=settings["seed"],
        )
        development = tuple(rows[i] for i in np.concatenate([split.training, split.calibration]))
        if fold is None:
            audited = tuple(rows[i] for i in split.test)
            return Sides(audited, development, f"the version's own test fold, {settings['test_fold']}")
    if fold is None:
        return Sides(rows, (), "all radiographs of manifests that the version was not trained on")
    audited = tuple(row for row in rows if row.fold == fold)
    if not audited:
        folds = sorted({row.fold for row in rows if row.fold is not None})
        raise ManifestError(f"The manifest has no radiograph in fold {fold}; it has the folds {folds}.")
    return Sides(audited, development, f"fold {fold}, as asked for")


def _answered(code: str, subject: Subject) -> Check:
    try:
        return CHECKS[code](subject)
    except NotAvailableError as reason:
        return Check(code, Verdict.NOT_AVAILABLE, str(reason))


def _index(spec: ModelSpec) -> dict[str, int]:
    """Give the class number of every finding that the version's labels gather."""
    return {finding: k for k, label in enumerate(spec.labels) for finding in findings_of(label, spec.classes)}


def _lineage(folder: Path, spec: ModelSpec) -> dict[str, Any]:
    """Read how the version was made; empty for one that does not say."""
    name = "lineage.json"
    return dict(json.loads((folder / name).read_text())) if name in spec.files else {}
