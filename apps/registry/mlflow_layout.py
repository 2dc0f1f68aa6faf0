"""A model version as MLflow's file store keeps a run, written without MLflow.

The layout is that of MLflow's documentation, "Tracking: file store" and "MLflow Models: storage format":
`EXPERIMENT/RUN/{meta.yaml,metrics,params,tags,artifacts}`, the model in `artifacts/model` with an `MLmodel`.
The model's one flavour is our own, because its answer needs our preprocessing: MLflow shows and compares the
version, and carries its files, but does not pretend that it can run it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from apps.registry.engine import CheckedFolder

EXPERIMENT_ID_DIGITS = 18
FLAVOUR = "cxrplatform"
_UNSAFE = re.compile(r"[^A-Za-z0-9_\-. /]")


def mlflow_write(
    checked: CheckedFolder, folder: Path, *, reference: str, created_at: datetime, lineage: Mapping[str, Any]
) -> Path:
    """Write a checked folder as a run below `folder`, a tracking directory, and return the run's folder.

    The run is named by the version's digest. Raises `FileExistsError` when it is there already.
    """
    model = reference.partition(":")[0]
    experiment_id = str(int.from_bytes(model.encode()[:8]) % 10**EXPERIMENT_ID_DIGITS + 1)
    run_id = checked.sha256[:32]
    experiment, run = folder / experiment_id, folder / experiment_id / run_id
    run.mkdir(parents=True)
    milliseconds = int(created_at.timestamp() * 1000)
    if not (experiment / "meta.yaml").exists():
        _write_yaml(experiment / "meta.yaml", _experiment(experiment, experiment_id, model, milliseconds))
    _write_yaml(run / "meta.yaml", _run(run, experiment_id, run_id, reference, milliseconds))
    for name, figure in _numbers(checked.document("evaluation.json")):
        _write(run / "metrics" / name, f"{milliseconds} {figure} 0\n")
    for name, setting in _settings(checked, lineage):
        _write(run / "params" / name, setting)
    for name, text in {"mlflow.runName": reference, "cxr.sha256": checked.sha256}.items():
        _write(run / "tags" / name, text)
    artifacts = run / "artifacts" / "model"
    (artifacts / "data").mkdir(parents=True)
    for name in checked.files:
        shutil.copyfile(checked.path / name, artifacts / "data" / name)
    _write_yaml(artifacts / "MLmodel", _model(checked, run_id, created_at))
    return run


def _experiment(folder: Path, experiment_id: str, name: str, milliseconds: int) -> dict[str, Any]:
    return {
        "artifact_location": folder.resolve().as_uri(),
        "creation_time": milliseconds,
        "experiment_id": experiment_id,
        "last_update_time": milliseconds,
        "lifecycle_stage": "active",
        "name": name,
    }


def _run(folder: Path, experiment_id: str, run_id: str, name: str, milliseconds: int) -> dict[str, Any]:
    return {
        "artifact_uri": (folder / "artifacts").resolve().as_uri(),
        "end_time": milliseconds,
        "entry_point_name": "",
        "experiment_id": experiment_id,
        "lifecycle_stage": "active",
        "run_id": run_id,
        "run_name": name,
        "run_uuid": run_id,
        "source_name": "",
        "source_type": 4,  # LOCAL
        "source_version": "",
        "start_time": milliseconds,
        "status": 3,  # FINISHED
        "tags": [],
        "user_id": "",
    }


def _model(checked: CheckedFolder, run_id: str, created_at: datetime) -> dict[str, Any]:
    spec = checked.spec
    channels = spec.preprocessing.get("channels", 1)
    image = _tensor("image", [-1, spec.input_size, spec.input_size, channels])
    return {
        "artifact_path": "model",
        "flavors": {
            FLAVOUR: {
                "data": "data",
                "architecture": spec.architecture,
                "labels": list(spec.labels),
                "preprocessing_version": spec.preprocessing_version,
                "sha256": checked.sha256,
            }
        },
        "run_id": run_id,
        "signature": {
            "inputs": json.dumps([image]),
            "outputs": json.dumps([_tensor("logits", [-1, len(spec.labels)])]),
            "params": None,
        },
        "utc_time_created": created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }


def _tensor(name: str, shape: list[int]) -> dict[str, Any]:
    return {"type": "tensor", "name": name, "tensor-spec": {"dtype": "float32", "shape": shape}}


def _numbers(evaluation: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield an evaluation's figures by name, `per_class/covid19/sensitivity` for a nested one."""
    for key, value in evaluation.items():
        name = _UNSAFE.sub("_", f"{prefix}{key}")
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)


def _settings(checked: CheckedFolder, lineage: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the version was made with: MLflow's parameters are texts of at most 6,000 characters."""
    known: dict[str, Any] = {"architecture": checked.spec.architecture, "input_size": checked.spec.input_size}
    known |= lineage.get("settings") or {}
    for name, value in sorted(known.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        yield _UNSAFE.sub("_", name), text[:6000]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    _write(path, yaml.safe_dump(dict(values), sort_keys=True, allow_unicode=True))
