"""Synthetic radiographs as files."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from pydicom import dcmread

from ml.phantom import phantom_dicom

_seeds = count(1000)


def phantom_file(folder: Path, kind: str = "normal") -> tuple[Path, str]:
    """Write a phantom that was not used before; return its path and SOP Instance UID."""
    path = folder / f"{kind}-{next(_seeds)}.dcm"
    path.write_bytes(phantom_dicom(kind, seed=next(_seeds), size=(512, 512)))
    return path, str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)
