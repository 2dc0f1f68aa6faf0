"""A version's folder with every record that the card reads, of simulated answers: no graph, no weights."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.audit.checks import Check, Threshold, Verdict, overall
from ml.contracts import Finding, ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.datasets.sources import sources_record
from ml.evaluation.metrics import evaluation_report
from ml.evaluation.refusal import share_refused, shares_by
from ml.model_folder import write_spec
from ml.preprocessing import DEFAULT_PREPROCESSING
from ml.training.population import population
from tests.ml.evaluation.simulated import LABELS, calibrated_spec, drawn_rows, honest_answers

GENERALISATION = {
    "leave_one_source_out": {
        "north": {
            "n": 140,
            "covid19_auroc": 0.6178,
            "interval": [0.5231, 0.7129],
            "sensitivity": 0.4123,
            "accuracy": 0.5467,
        }
    },
    "within_source": {"south": {"n": 150, "covid19_auroc": 0.7071, "interval": None, "accuracy": 0.7337}},
    "mean_covid19_auroc": 0.6178,
    "protocol": "Trained anew without each source.",
}
AUDIT_CHECKS = (
    Check(
        "A3", Verdict.FAIL, "It still answers without lungs.", 0.4111, (0.3911, 0.4317), Threshold(0.3, 0.4)
    ),
    Check(
        "A7", Verdict.WARN, "Two thirds of the evidence lie in the lungs.", 0.6621, None, Threshold(0.8, 0.6)
    ),
    Check("A8", Verdict.PASS, "The map follows the weights.", 0.0512, None, Threshold(0.1, 0.3)),
    Check("A10", Verdict.PASS, "No patient is on both sides.", 0.0, None, Threshold(0.0, 0.0)),
)
EXPORT = {
    "images": 600,
    "f32": {"max_difference": 1e-06, "accuracy_points": 0.0, "label_flips": 0.0},
    "int8": {"max_difference": 0.21, "accuracy_points": -0.667, "label_flips": 0.013, "accepted": False},
}
HISTORY = [
    {"size": 48.0, "loss": 1.2012, "seconds": 3.0},
    {"size": 64.0, "loss": 0.9123, "calibration_loss": 0.8812, "calibration_accuracy": 0.61, "seconds": 4.0},
    {"size": 64.0, "loss": 0.8234, "calibration_loss": 0.7723, "calibration_accuracy": 0.68, "seconds": 4.0},
    {"size": 64.0, "loss": 0.7345, "calibration_loss": 0.7934, "calibration_accuracy": 0.67, "seconds": 4.0},
]


def write_recorded_version(folder: Path) -> Path:
    """Write `model.json` and the records that training, gate, audit and protocols leave."""
    folder.mkdir(parents=True)
    spec, rows, evaluation = _measured()
    verdict, summary = overall(AUDIT_CHECKS)
    documents = {
        "evaluation": {
            **evaluation,
        },
        "lineage": _lineage(rows),
        "generalisation": GENERALISATION,
        "audit": {
            "verdict": str(verdict),
            "summary": summary,
            "checks": [check.to_json() for check in AUDIT_CHECKS],
            "data": {"side": "the version's own test fold, 0", "images": 600, "groups": 190},
        },
        "fitness": _gate(),
        "export": EXPORT,
    }
    for name, document in documents.items():
        write_document(folder, name, document)
    write_spec(folder, spec)
    return folder


def write_document(folder: Path, name: str, document: Any) -> None:
    """Write one of the folder's JSON documents, `name` without its suffix."""
    (folder / f"{name}.json").write_text(json.dumps(document))


def read_document(folder: Path, name: str) -> Any:
    """Read one of them."""
    return json.loads((folder / f"{name}.json").read_text())


def as_an_earlier_release(folder: Path) -> Path:
    """Take away all that versions had not yet when the first one was made."""
    for name in ("generalisation", "audit", "fitness", "export"):
        (folder / f"{name}.json").unlink()
    evaluation = read_document(folder, "evaluation")
    known = ("n", "accuracy", "balanced_accuracy", "coverage")
    evaluation["by_source"] = {
        source: {name: figures[name] for name in known} for source, figures in evaluation["by_source"].items()
    }
    for partition in ("by_sex", "by_age", "by_view"):
        del evaluation[partition]
    kept = ("accuracy", "balanced_accuracy")
    intervals = evaluation["intervals"]
    evaluation["intervals"] = {
        name: value for name, value in intervals.items() if name in kept or name.startswith("sensitivity_")
    }
    write_document(folder, "evaluation", evaluation)
    lineage = read_document(folder, "lineage")
    lineage["sides"] = {
        side: {name: counts[name] for name in ("images", "groups")}
        for side, counts in lineage["sides"].items()
    }
    lineage["sources"] = {
        name: {"images": source["images"], "licences": source["licences"]}
        for name, source in lineage["sources"].items()
    }
    for name in ("epoch_size", "balance", "mixing", "ema_momentum"):
        del lineage["settings"][name]
    del lineage["members"]
    write_document(folder, "lineage", lineage)
    return folder


@functools.cache
def _measured() -> tuple[ModelSpec, list[ManifestRow], dict[str, Any]]:
    probabilities, targets = honest_answers(600, seed=3)
    rows = drawn_rows(targets, patients=200)
    classes = {"lung_opacity": ("lung_opacity", "viral_pneumonia")}
    spec = replace(calibrated_spec(), preprocessing=DEFAULT_PREPROCESSING.to_json(), classes=classes)
    return spec, rows, evaluation_report(probabilities, targets, spec=spec, rows=rows)


def _lineage(rows: list[ManifestRow]) -> dict[str, Any]:
    third = len(rows) // 3
    parts = {"training": rows[:third], "calibration": rows[third : 2 * third], "test": rows[2 * third :]}
    paediatric = [replace(row, source="kermany") for row in rows[:40]]
    return {
        "settings": {
            "name": "cxr",
            "classes": {label: [label] for label in LABELS if label in set(Finding)},
            "epochs": 4,
            "batch_size": 32,
            "learning_rate": 0.0015,
            "optimizer": "adamw",
            "weight_decay": 0.02,
            "label_smoothing": 0.05,
            "balance": 0.5,
            "mixing": "same_finding",
            "epoch_size": None,
            "ema_momentum": 0.995,
            "folds": None,
            "test_fold": 0,
            "calibration_fold": None,
            "miscoverage": 0.05,
            "seed": 20,
            "precision": "float32",
            "progressive_resizing": True,
        },
        "manifests": {"manifest.csv": "5f" * 32},
        "parent": None,
        "members": [],
        "initial_weights_sha256": None,
        "sides": {side: population(part, [row.label for row in part]) for side, part in parts.items()},
        "sources": sources_record([*rows, *paediatric]),
        "lungs": {"input_size": 128, "held_out_images": 61, "dice_mean": 0.9521, "dice_p5": 0.9031},
        "history": HISTORY,
        "wall_seconds": 1723,
        "finished_at": "2026-11-20T15:24:57+00:00",
        "code_commit": "9c0e2236",
        "python": "3.11.7",
        "packages": {"keras": "3.15.1"},
        "hardware": {"machine": "x86_64", "processor": "", "cores": 2},
    }


def _gate() -> dict[str, Any]:
    kept, unfit = np.arange(200) < 1, np.arange(63) < 62
    return {
        "limits": {},
        "held_out": {},
        "cross_fitted": {
            "good": share_refused(kept),
            "good_by_source": shares_by(kept, ["north", "south"] * 100),
            "good_by_age": shares_by(kept, ["adults", "children"] * 100),
            "real_unfit": share_refused(unfit),
            "unfit": share_refused(unfit),
            "balanced_accuracy": {"unfit": 0.9896, "real_unfit": 0.9897},
        },
    }
