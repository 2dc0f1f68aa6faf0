"""Find labelled images in class folders, as the public collections lay them out."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml.contracts import Finding
from ml.datasets.images import SUFFIXES
from ml.datasets.labels import is_label, label_meant, label_spelled
from ml.datasets.manifest import ManifestError

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
SKIP = "skip"
"""What a folder may be mapped to instead of a label: its images are left out."""

_SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "val"
)
_NEUTRAL = frozenset({"images", "image", "img", "imgs", "data", "png", "jpg", "jpeg", "dicom"})
"""Levels that say nothing, as in `COVID/images/`."""
_MASKS = frozenset({"mask", "masks", "lungmask", "lungmasks", "infectionmask", "infectionmasks"})

_KERMANY_PNEUMONIA = re.compile(r"(?P<patient>person\d+)_(?P<kind>virus|bacteria)_", re.IGNORECASE)
_KERMANY_NORMAL = re.compile(r"(?P<patient>(?:NORMAL2-)?IM-\d+)-\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file in a class folder; `patient` is a key within its collection, empty where unknown."""

    path: Path
    label: str
    split: str = ""
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a collection holds: images to describe, and how many files were left aside, by the reason."""

    images: tuple[FoundImage, ...]
    left_aside: Mapping[str, int] = field(default_factory=dict)


def find_images(folder: Path, *, labels: Mapping[str, str]) -> Discovery:
    """Walk a collection; every image's label is that of the innermost folder which names one.

    `labels` maps folders (a name, or a path below the collection) to labels or `skip`, before the usual
    spellings are tried. Levels named train, test or val give the split; masks are left aside. Kermany's
    file names give the kind of pneumonia and the patient. Raises `ManifestError` where a folder's label is
    unknown, with what was found and how to map it.
    """
    mapping = {_plain(name): _mapped(name, label) for name, label in labels.items()}
    images: list[FoundImage] = []
    left_aside: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for path in _files(folder):
        parts = path.relative_to(folder).parts[:-1]
        if path.suffix.lower() not in SUFFIXES | DICOM_SUFFIXES:
            left_aside[f"not an image ({path.suffix.lower() or 'no suffix'})"] += 1
        elif any(_plain(part) in _MASKS for part in parts):
            left_aside["mask"] += 1
        elif (label := _label_of(path, folder.name, parts, mapping)) is None:
            unknown["/".join(parts) or "."] += 1
        elif label == SKIP:
            left_aside["left out by --label"] += 1
        else:
            images.append(FoundImage(path, label, _split_of(parts), _patient_of(path)))
    if unknown:
        raise ManifestError(_unknown_folders(folder, unknown))
    if not images:
        raise ManifestError(f"{folder} holds no image; expected class folders such as COVID/ and NORMAL/.")
    return Discovery(tuple(images), dict(left_aside))


def _files(folder: Path) -> Iterator[Path]:
    """Give every file, in order; hidden ones are none of ours."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


def _label_of(path: Path, root: str, levels: tuple[str, ...], mapping: Mapping[str, str]) -> str | None:
    """Return the label that the innermost telling level gives; None where no level tells.

    The collection's own name counts where its levels say nothing at all, as in `COVID/images/`.
    """
    for depth in range(len(levels), 0, -1):
        name = levels[depth - 1]
        for key in (_plain("/".join(levels[:depth])), _plain(name)):
            if key in mapping:
                return mapping[key]
        if label := label_spelled(name):
            return label
        if _plain(name) == "pneumonia" and (match := _KERMANY_PNEUMONIA.match(path.name)):
            viral = match["kind"].lower() == "virus"
            return str(Finding.VIRAL_PNEUMONIA if viral else Finding.BACTERIAL_PNEUMONIA)
    if all(_plain(level) in _NEUTRAL or _plain(level) in _SPLITS for level in levels):
        return mapping.get(".") or label_spelled(root)
    return None


def _split_of(parts: tuple[str, ...]) -> str:
    return next((_SPLITS[_plain(part)] for part in parts if _plain(part) in _SPLITS), "")


def _patient_of(path: Path) -> str:
    match = _KERMANY_PNEUMONIA.match(path.name) or _KERMANY_NORMAL.match(path.name)
    return match["patient"].lower() if match else ""


def _mapped(folder: str, label: str) -> str:
    if label == SKIP or is_label(label):
        return label
    meant = label_meant(label)
    hint = f"did you mean {meant!r}? " if meant else ""
    raise ManifestError(
        f"Folder {folder!r} is mapped to the unknown label {label!r}; {hint}expected one of "
        f"{', '.join(Finding)}, ood_* or {SKIP}."
    )


def _unknown_folders(folder: Path, unknown: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name!r} ({n} images)" for name, n in sorted(unknown.items()))
    first = min(unknown)
    return (
        f"{folder} has folders whose label is unknown: {listed}. Say what they are, for example "
        f"--label {Path(first).name or '.'}={Finding.LUNG_OPACITY}, or leave them out: "
        f"--label {Path(first).name or '.'}={SKIP}. Labels: {', '.join(Finding)}, ood_*."
    )


def _plain(name: str) -> str:
    """Reduce a folder's name to its letters, digits and slashes: `COVID-19 ` and `covid_19` are one."""
    return re.sub(r"[^a-z0-9/.]", "", name.lower())
