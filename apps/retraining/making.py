"""A candidate from an order, without a database: trained, audited, compared; what is done is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.core.errors import PermanentError
from apps.retraining.progress import Report
from apps.retraining.requests import CandidateOrder

VERSION, AUDIT, COMPARISON, FOLDS = "version", "audit.json", "comparison.json", "folds.json"
"""What an order's folder holds once each part is done."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole version that nobody has registered yet, and what was measured of it."""

    folder: Path
    audit: dict[str, Any] = field(default_factory=dict)
    """Empty where the version could not be audited."""
    comparison: dict[str, Any] = field(default_factory=dict)
    """Empty where there was no champion, or none that could be measured on these images."""
    cross_validation: dict[str, Any] = field(default_factory=dict)


def candidate_make(order: CandidateOrder, *, report: Report) -> Candidate:
    """Carry the order out, or what is left of it: parts that are done are found in its folder.

    The training itself goes on after its last whole epoch. A version that cannot be audited or compared
    is still a candidate; why is reported. Raises `TrainingError`.
    """
    from apps.retraining import engine

    order.folder.mkdir(parents=True, exist_ok=True)
    if order.request.cross_validate:
        _kept(order.folder / FOLDS, lambda: engine.folds_measure(order, report=report))
        report(f"Cross-validation: {_in_words(_read(order.folder / FOLDS))}")
    version = order.folder / VERSION
    if not version.is_dir():  # it is moved there whole
        engine.model_train(order, out_dir=version, report=report)

    def audit() -> dict[str, Any]:
        return engine.model_audit(
            version,
            manifests=order.request.manifests,
            fold=None,
            parent=order.parent_audit,
            cache_dir=order.cache_dir,
            report=report,
        )

    try:
        _kept(order.folder / AUDIT, audit)
    except engine.AuditError as error:
        report(f"The candidate could not be audited: {error}")
    if champion := order.champion:
        if _read(order.folder / COMPARISON).get("champion") != order.champion_name:
            (order.folder / COMPARISON).unlink(missing_ok=True)  # the alias moved since

        def comparison() -> dict[str, Any]:
            return engine.champion_compare(
                version,
                champion=champion,
                champion_name=order.champion_name,
                manifests=order.request.manifests,
                cache_dir=order.cache_dir,
                report=report,
            )

        try:
            _kept(order.folder / COMPARISON, comparison)
        except engine.EvaluationError as error:
            report(f"The candidate could not be compared with {order.champion_name}: {error}")
    return candidate_read(order.folder)


def candidate_read(folder: Path) -> Candidate:
    """Read what an order's folder holds. Raises `PermanentError` where there is no whole version."""
    if not (folder / VERSION).is_dir():
        raise PermanentError(f"{folder} holds no version: the training did not end. Start it again.")
    return Candidate(
        folder / VERSION, _read(folder / AUDIT), _read(folder / COMPARISON), _read(folder / FOLDS)
    )


def candidate_forget(folder: Path) -> None:
    """Delete an order's folder once its version is registered, or nobody wants it any more."""
    shutil.rmtree(folder, ignore_errors=True)


def _in_words(folds: Mapping[str, Any]) -> str:
    figures = [
        f"{name.replace('_', ' ')} {value} ± {folds['deviation'][name]}"
        for name, value in folds["mean"].items()
    ]
    return f"{len(folds['folds'])} folds, {', '.join(figures)}"


def _kept(path: Path, make: Callable[[], dict[str, Any]]) -> None:
    """Write what `make` gives, whole or not at all; nothing to do where it was written before."""
    if path.is_file():
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(make()), encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
