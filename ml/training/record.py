"""All that a version's folder says about itself, for its card and its checklist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.contracts import ModelSpec
from ml.datasets.sources import KNOWN_SOURCES
from ml.evaluation.generalisation import WHY_ABSENT, read_generalisation, three_views
from ml.evaluation.subgroups import PARTITIONS
from ml.inference.views import VIEW_GRAPH
from ml.model_folder import EXPORT_REPORT, read_spec

AUDIT_NAME = "audit.json"
GATE_NAME = f"{VIEW_GRAPH}.json"

WHY_NO_AUDIT = (
    f"not available: no {AUDIT_NAME} lay in this folder when the card was written. A registered version is "
    "audited by `manage.py audit_model`, and the result is kept beside it."
)
WHY_NO_GATE = (
    f"not available: this folder holds no {GATE_NAME}, so no view network refuses images; "
    "`python -m ml.training.gate` makes one."
)
WHY_NO_EXPORT = f"not available: this folder holds no {EXPORT_REPORT}."
WHY_NO_POPULATION = (
    "not available: this version's lineage counts the images of each side, but not whose they are. "
    "Training it again records that."
)

_LATER_SUBGROUP_FIGURES = ("auroc", "sensitivity", "intervals", "n_per_class")


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What was written when the version was made and measured; None for what was not.

    `views` are the three views of `ml.evaluation.generalisation.three_views`, `gate` the record of
    `ml.training.gate`, `audit` what `ml.audit` gave, `export` the report of `ml.training.quantisation`.
    """

    spec: ModelSpec
    evaluation: Mapping[str, Any]
    lineage: Mapping[str, Any]
    views: Mapping[str, Any]
    gate: Mapping[str, Any] | None
    audit: Mapping[str, Any] | None
    export: Mapping[str, Any] | None

    @property
    def absent(self) -> dict[str, str]:
        """Say why, for every part that may be missing; whether it is missing is another question."""
        return {
            "generalisation": WHY_ABSENT,
            "gate": WHY_NO_GATE,
            "audit": WHY_NO_AUDIT,
            "export": WHY_NO_EXPORT,
            "population": WHY_NO_POPULATION,
        }

    @property
    def gate_figures(self) -> Mapping[str, Any] | None:
        """Give what the gate refuses, by networks that each had not seen the fold where they have that."""
        if self.gate is None:
            return None
        figures: Mapping[str, Any] = self.gate.get("cross_fitted") or self.gate["held_out"]
        return figures

    @property
    def best_epoch(self) -> int | None:
        """Give `best_epoch` of this version's training."""
        return best_epoch(self.lineage["history"])

    @property
    def seen_before(self) -> bool:
        """Tell whether the test fold's figures were known from a parent when training went on."""
        parent = self.lineage["parent"]
        fold = self.lineage["settings"]["test_fold"]
        return bool(parent) and parent["lineage"]["settings"]["test_fold"] == fold

    def audit_check(self, code: str) -> Mapping[str, Any] | None:
        """Give one check of the audit, None where there is none."""
        checks = self.audit["checks"] if self.audit else ()
        return next((check for check in checks if check["code"] == code), None)


def best_epoch(epochs: Sequence[Mapping[str, Any]]) -> int | None:
    """Give the number, from 1, of the epoch whose weights were kept; None where none was measured."""
    losses = {
        number: row["calibration_loss"]
        for number, row in enumerate(epochs, start=1)
        if "calibration_loss" in row
    }
    return min(losses, key=losses.__getitem__) if losses else None


def read_record(folder: Path) -> VersionRecord:
    """Read a folder that holds at least `model.json`, `evaluation.json` and `lineage.json`.

    Evaluations and lineages of earlier releases are brought to the present form, with the later figures
    empty. Raises `ModelFolderError`, or `OSError` for a missing file.
    """
    evaluation = _evaluation(_document(folder / "evaluation.json"))
    return VersionRecord(
        spec=read_spec(folder),
        evaluation=evaluation,
        lineage=_lineage(_document(folder / "lineage.json")),
        views=three_views(evaluation, read_generalisation(folder)),
        gate=_document_if_there(folder / GATE_NAME),
        audit=_document_if_there(folder / AUDIT_NAME),
        export=_document_if_there(folder / EXPORT_REPORT),
    )


def _document(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _document_if_there(path: Path) -> dict[str, Any] | None:
    return _document(path) if path.is_file() else None


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {name: {} for name in _LATER_SUBGROUP_FIGURES}
    partitions = {
        partition: {name: {**empty, **figures} for name, figures in evaluation.get(partition, {}).items()}
        for partition in PARTITIONS
    }
    return {**evaluation, **partitions}


def _lineage(lineage: Mapping[str, Any]) -> dict[str, Any]:
    return {**lineage, "sources": {name: _source(name, it) for name, it in lineage["sources"].items()}}


def _source(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    known = KNOWN_SOURCES.get(name)
    title, citations = (known.title, known.citations) if known else ("", ())
    return {"title": title, "without_licence": 0, "citations": citations, **source}
