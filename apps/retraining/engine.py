"""The trainer's door into `ml`: trains and measures model versions.

Import it inside task bodies and commands' services only: it brings TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from apps.core.errors import PermanentError
from apps.retraining.progress import Report, Step
from apps.retraining.requests import (
    FINE_TUNE_EPOCHS,
    FINE_TUNE_LEARNING_RATE,
    CandidateOrder,
    TrainingRequest,
)
from ml.architectures import UnknownArchitectureError
from ml.architectures.ensemble import EnsembleError
from ml.audit.champion import compare_with_champion
from ml.audit.report import audit_html
from ml.audit.version import audit_version
from ml.datasets.manifest import ManifestError
from ml.evaluation.generalisation import read_generalisation, three_views
from ml.evaluation.page import evaluation_page
from ml.evaluation.version import evaluate_version
from ml.model_folder import ModelFolderError, read_spec
from ml.preprocessing import DEFAULT_PREPROCESSING, Preprocessing, PreprocessingError
from ml.training.config import TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.controls import version_controls
from ml.training.export import ExportParityError
from ml.training.folds import measure_folds
from ml.training.run import train

_OWN_FAILURES = (
    EnsembleError,
    ExportParityError,
    ManifestError,
    ModelFolderError,
    PreprocessingError,
    TrainingConfigError,
    UnknownArchitectureError,
)


class TrainingError(PermanentError):
    """The run cannot be made as asked for; says what to change."""


class EvaluationError(PermanentError):
    """The version cannot be measured on this manifest; says why."""


class AuditError(PermanentError):
    """The version cannot be audited on this manifest; says why."""


def model_train(order: CandidateOrder, *, out_dir: Path, report: Report) -> Path:
    """Train as ordered and return the new version's folder, `out_dir`. Raises `TrainingError`."""
    try:
        return train(_config(order, out_dir), progress=lambda step: report(_step(step)))
    except _OWN_FAILURES as error:
        raise TrainingError(str(error)) from error


def folds_measure(order: CandidateOrder, *, report: Report) -> dict[str, Any]:
    """Train once for every fold and give each one's figures with their mean. Raises `TrainingError`.

    What a fold measured is kept in the order's folder: folds that are done are not trained again.
    """
    try:
        return measure_folds(
            _config(order, order.folder / "none"),
            kept=order.folder / "folds",
            progress=lambda step: report(_step(step)),
        )
    except _OWN_FAILURES as error:
        raise TrainingError(str(error)) from error


def model_evaluate(
    folder: Path,
    *,
    manifest: Path,
    fold: int | None,
    cache_dir: Path,
    report: Report,
) -> dict[str, Any]:
    """Measure the version in `folder` on a manifest, or one fold of it.

    `three_views` puts beside it what training measured on sources left out. Raises `EvaluationError`.
    """
    try:
        measured = evaluate_version(
            folder,
            manifest,
            fold=fold,
            cache_dir=cache_dir,
            progress=lambda done, total: report(Step("preparing", done, total)),
        )
        return {**measured, "three_views": three_views(measured, read_generalisation(folder))}
    except _OWN_FAILURES as error:
        raise EvaluationError(str(error)) from error


def evaluation_html(evaluation: Mapping[str, Any]) -> str:
    """Give an evaluation as one HTML page without scripts."""
    return evaluation_page(evaluation)


def model_audit(
    folder: Path,
    *,
    manifests: Sequence[Path],
    fold: int | None,
    parent: Mapping[str, Any],
    retrain: bool = False,
    cache_dir: Path,
    report: Report,
) -> dict[str, Any]:
    """Audit the version in `folder`; `parent` is the audit of the one it was made from, or empty.

    `retrain` trains the negative controls of its recipe first. Raises `AuditError`.
    """
    try:
        controls = None
        if retrain:
            controls = version_controls(
                folder, *manifests, cache_dir=cache_dir, progress=lambda step: report(_step(step))
            )
        return audit_version(
            folder,
            *manifests,
            fold=fold,
            parent=parent,
            controls=controls,
            cache_dir=cache_dir,
            progress=lambda stage, done, total: report(Step(stage, done, total)),
        )
    except _OWN_FAILURES as error:
        raise AuditError(str(error)) from error


def champion_compare(
    folder: Path,
    *,
    champion: Path,
    champion_name: str,
    manifests: Sequence[Path],
    cache_dir: Path,
    report: Report,
) -> dict[str, Any]:
    """Compare the version in `folder` with the champion's, on its own test images of these manifests.

    Raises `EvaluationError`.
    """
    try:
        return compare_with_champion(
            folder,
            champion,
            *manifests,
            champion_name=champion_name,
            cache_dir=cache_dir,
            progress=lambda stage, done, total: report(Step(stage, done, total)),
        )
    except _OWN_FAILURES as error:
        raise EvaluationError(str(error)) from error


def audit_page(audit: Mapping[str, Any], *, title: str) -> str:
    """Give an audit as one HTML page without scripts; `title` names the version."""
    return audit_html(audit, title=title)


def _step(progress: TrainingProgress) -> Step:
    return Step(progress.stage, progress.done, progress.total, progress.metrics)


def _config(order: CandidateOrder, out_dir: Path) -> TrainingConfig:
    return TrainingConfig(
        manifests=order.request.manifests,
        out_dir=out_dir,
        lungs=order.lungs,
        init=order.init,
        members=order.members,
        provenance=order.provenance,
        cache_dir=order.cache_dir,
        **_chosen(order.request, order.init),
    )


def _chosen(request: TrainingRequest, init: Path | None) -> dict[str, Any]:
    """Give what was asked for as settings of the run; size and preprocessing are else those of `init`."""
    own = ("manifests", "init", "members", "preprocessing")
    chosen = {
        name: value
        for field in fields(TrainingConfig)
        if (name := field.name) not in own and (value := getattr(request, name, None)) is not None
    }
    if request.is_fine_tuning:
        chosen.setdefault("epochs", FINE_TUNE_EPOCHS)
        chosen.setdefault("learning_rate", FINE_TUNE_LEARNING_RATE)
    preprocessing = DEFAULT_PREPROCESSING
    if init is not None:
        parent = read_spec(init)
        chosen.setdefault("input_size", parent.input_size)
        preprocessing = Preprocessing.from_json(parent.preprocessing)
    if request.preprocessing is not None:
        steps = Preprocessing.from_text(request.preprocessing).steps
        preprocessing = replace(preprocessing, steps=steps)
    if request.crop is not None:
        preprocessing = replace(preprocessing, crop=request.crop)
    return {**chosen, "preprocessing": preprocessing}
