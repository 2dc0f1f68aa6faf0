"""A model version is a folder: read it, write it, and notice when it has changed.

No image or machine learning library is imported here, so that any process may check a folder.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from ml.contracts import ModelSpec

SPEC_NAME = "model.json"
MODEL_FILES = ("model.xml", "model.bin", "lungs.xml", "lungs.bin")
"""What serving cannot do without, besides `model.json`."""


INT8_FILES = ("model-int8.xml", "model-int8.bin")
"""The classifier in 8-bit integers, of versions that have it so."""
WEIGHTS_NAME = "model.weights.h5"
"""The trained network's weights, for training on; serving does not open them."""
EXPORT_REPORT = "export.json"
"""How far each precision is from the trained network."""


class ModelFolderError(Exception):
    """The folder is not the model version that it says it is."""


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_spec(folder: Path, spec: ModelSpec) -> ModelSpec:
    """Hash every other file of the folder into the spec and write it as `model.json`."""
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name != SPEC_NAME)
    spec = replace(spec, files={name: file_sha256(folder / name) for name in names})
    (folder / SPEC_NAME).write_text(json.dumps(asdict(spec), indent=1, ensure_ascii=False) + "\n")
    return spec


def read_spec(folder: Path) -> ModelSpec:
    """Read `model.json`. Raises `ModelFolderError` when it is missing or malformed."""
    try:
        values = json.loads((folder / SPEC_NAME).read_text())
        values["labels"] = tuple(values["labels"])
        return ModelSpec(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder} holds no readable {SPEC_NAME}: {error}") from error


def check_folder(folder: Path) -> ModelSpec:
    """Read the spec and hash every file; raises `ModelFolderError` unless all is as it was written."""
    spec = read_spec(folder)
    missing = [name for name in MODEL_FILES if name not in spec.files]
    if missing:
        raise ModelFolderError(f"{folder}: {SPEC_NAME} does not list {', '.join(missing)}.")
    for name, expected in spec.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelFolderError(f"{folder}: the file {name} is missing; restore the model version.")
        if (found := file_sha256(path)) != expected:
            raise ModelFolderError(
                f"{folder}: {name} has SHA-256 {found}, expected {expected}; restore the model version."
            )
    return spec


def has_accepted_int8(folder: Path, spec: ModelSpec) -> bool:
    """Tell whether a checked version has an INT8 graph that its export found to answer as the full one.

    Raises `ModelFolderError` when the export's report is none.
    """
    if not {*INT8_FILES, EXPORT_REPORT} <= spec.files.keys():
        return False
    try:
        return json.loads((folder / EXPORT_REPORT).read_text())["int8"]["accepted"] is True
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder} holds no readable {EXPORT_REPORT}: {error!r}") from error


def folder_digest(folder: Path) -> str:
    """Give one SHA-256 for the whole version: over a line `sha256  name` per listed file and the spec.

    `model.json` lists every other file's hash, so any change anywhere changes this value.
    """
    names = sorted([*read_spec(folder).files, SPEC_NAME])
    lines = "".join(f"{file_sha256(folder / name)}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()
