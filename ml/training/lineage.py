"""Where a model version comes from, in enough detail to make it again."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml.datasets.manifest import Manifest
from ml.datasets.sources import sources_record
from ml.model_folder import file_sha256, folder_digest, read_spec
from ml.preprocessing import Preprocessing
from ml.training.config import TrainingConfig, TrainingConfigError

LINEAGE_NAME = "lineage.json"
PACKAGES = ("keras", "numpy", "opencv-python-headless", "openvino", "scikit-learn", "scipy", "tensorflow")
PATH_SETTINGS = ("manifests", "out_dir", "lungs", "init", "weights", "average_with", "members", "cache_dir")
"""Settings recorded by hash: where a file lay on one machine says nothing on another."""


def lineage_record(
    config: TrainingConfig,
    *,
    manifest: Manifest,
    sides: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    lungs: Mapping[str, Any],
    wall_seconds: float,
) -> dict[str, Any]:
    """Give a run's lineage as values that JSON can hold; it names no path of this machine."""
    return {
        **config.provenance,
        "settings": settings_record(config),
        "manifests": dict(manifest.sha256),
        "parent": _parent(config.init),
        "averaged_with": _parent(config.average_with),
        "members": [_parent(member) for member in config.members],
        "initial_weights_sha256": file_sha256(config.weights) if config.weights else None,
        "sides": dict(sides),
        "sources": sources_record(manifest.radiographs),
        "lungs": dict(lungs),
        "history": [dict(epoch) for epoch in history],
        "wall_seconds": round(wall_seconds),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_commit": _code_commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "hardware": {"machine": platform.machine(), "processor": _processor(), "cores": os.cpu_count()},
    }


def settings_record(config: TrainingConfig) -> dict[str, Any]:
    """Give a run's settings as values that JSON can hold, without this machine's paths and who asked."""
    elsewhere = (*PATH_SETTINGS, "preprocessing", "provenance")
    named = [field.name for field in fields(config) if field.name not in elsewhere]
    values: dict[str, Any] = {name: getattr(config, name) for name in named}
    return {**values, "preprocessing": config.preprocessing.to_json()}


def recorded_config(
    folder: Path, manifests: Sequence[Path], *, cache_dir: Path | None = None
) -> TrainingConfig:
    """Give the settings that a version was trained with, to train so again on these manifests.

    From scratch: the version that it continued from is not needed, but its settings are taken for a version
    that was only calibrated anew. Raises `TrainingConfigError` for a version that does not say how it was
    made.
    """
    path = folder / LINEAGE_NAME
    if not path.is_file():
        raise TrainingConfigError(f"{folder} holds no {LINEAGE_NAME}: how it was trained is not known.")
    lineage = json.loads(path.read_text())
    preprocessing = Preprocessing.from_json(lineage["settings"]["preprocessing"])
    while lineage["settings"]["epochs"] == 0 and lineage["parent"]:
        lineage = lineage["parent"]["lineage"]
    settings = lineage["settings"]
    known = {field.name for field in fields(TrainingConfig)}
    recorded = {name: value for name, value in settings.items() if name in known}
    return TrainingConfig(
        **{
            **recorded,
            "manifests": tuple(manifests),
            "out_dir": folder / "none",
            "lungs": folder,
            "preprocessing": preprocessing,
            "cache_dir": cache_dir,
        }
    )


def _parent(folder: Path | None) -> dict[str, Any] | None:
    """Name the version that a run continued from, with its own lineage: it may not be kept anywhere."""
    if folder is None:
        return None
    lineage = json.loads((folder / "lineage.json").read_text())
    return {"name": read_spec(folder).name, "sha256": folder_digest(folder), "lineage": lineage}


def _code_commit() -> str | None:
    """Give the commit of the code, marked where files differ from it, or None outside a checkout."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", str(here.parent))
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
