"""Read and check a manifest: a CSV with a row per image, at least `file` and `label`."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.contracts import Finding

OUT_OF_DISTRIBUTION_PREFIX = "ood_"
"""Labels of images that must be refused; they feed the fitness gate, never the classifier."""

REQUIRED_COLUMNS = ("file", "label")
MISSING_FILES_SHOWN = 5


class ManifestError(ValueError):
    """The manifest cannot be trained on; says which row or column and what was expected."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One image; absent optional columns are empty text, and `fold` is None."""

    path: Path
    label: str
    group: str
    fold: int | None
    image_id: str
    source: str = ""
    sex: str = ""
    age: str = ""
    view: str = ""
    licence: str = ""

    @property
    def is_out_of_distribution(self) -> bool:
        """Whether this image is one that the product must refuse."""
        return self.label.startswith(OUT_OF_DISTRIBUTION_PREFIX)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of one or several manifests and the SHA-256 of each file, by its name."""

    rows: tuple[ManifestRow, ...]
    sha256: Mapping[str, str]

    @property
    def radiographs(self) -> tuple[ManifestRow, ...]:
        """The rows to classify."""
        return tuple(row for row in self.rows if not row.is_out_of_distribution)

    @property
    def out_of_distribution(self) -> tuple[ManifestRow, ...]:
        """The rows to refuse."""
        return tuple(row for row in self.rows if row.is_out_of_distribution)


def read_manifest(*paths: Path) -> Manifest:
    """Read manifests and check columns, labels, folds and that every file exists.

    A row without `group` is its own group. Raises `ManifestError`.
    """
    if not paths:
        raise ManifestError("No manifest was given; expected at least one CSV file.")
    rows: list[ManifestRow] = []
    digests: dict[str, str] = {}
    for path in paths:
        rows.extend(_read_one(path))
        digests[str(path.name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    if not rows:
        raise ManifestError(f"{paths[0]} has a header but no rows.")
    _check_files(rows)
    return Manifest(tuple(rows), digests)


def select_classes(
    rows: Sequence[ManifestRow], classes: Mapping[str, Sequence[str]]
) -> tuple[tuple[ManifestRow, ...], tuple[int, ...]]:
    """Map labels to class indices and leave out rows whose label belongs to no class.

    `classes` maps a class name to the manifest labels it gathers. Raises `ManifestError` when a label is
    claimed twice or a class has no image.
    """
    index: dict[str, int] = {}
    for position, (name, labels) in enumerate(classes.items()):
        for label in labels:
            if label in index:
                raise ManifestError(f"Label {label!r} belongs to two classes; give it to one.")
            index[label] = position
        if not any(row.label in labels for row in rows):
            raise ManifestError(f"Class {name!r} ({'+'.join(labels)}) has no image in the manifest.")
    kept = tuple(row for row in rows if row.label in index)
    if len(classes) < 2:
        raise ManifestError("Only one class is left; a classifier needs at least two.")
    return kept, tuple(index[row.label] for row in kept)


def check_groups_apart(**sides: Iterable[ManifestRow]) -> None:
    """Raise `ManifestError` when a group (a patient and its near-duplicates) stands on two sides."""
    seen: dict[str, str] = {}
    for side, rows in sides.items():
        for row in rows:
            other = seen.setdefault(row.group, side)
            if other != side:
                raise ManifestError(
                    f"Group {row.group!r} is in both {other} and {side}; every image of a patient must "
                    "be on one side. Correct the manifest's `fold` or `group` column."
                )


def _read_one(path: Path) -> list[ManifestRow]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REQUIRED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ManifestError(f"{path} lacks the column(s) {', '.join(missing)}.")
            return [_row(path, number, raw) for number, raw in enumerate(reader, start=2)]
    except OSError as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error.strerror}.") from error


def _row(manifest: Path, number: int, raw: Mapping[str, str]) -> ManifestRow:
    file, label = (raw["file"] or "").strip(), (raw["label"] or "").strip()
    if not file:
        raise ManifestError(f"{manifest}, line {number}: the column `file` is empty.")
    if label not in set(Finding) and not label.startswith(OUT_OF_DISTRIBUTION_PREFIX):
        raise ManifestError(
            f"{manifest}, line {number}: unknown label {label!r}; expected one of "
            f"{', '.join(Finding)} or {OUT_OF_DISTRIBUTION_PREFIX}*."
        )
    fold = (raw.get("fold") or "").strip()
    if fold and not fold.isdecimal():
        raise ManifestError(f"{manifest}, line {number}: fold {fold!r} is not a whole number.")
    optional = {name: (raw.get(name) or "").strip() for name in ("source", "sex", "age", "view", "licence")}
    return ManifestRow(
        path=manifest.parent / file,
        label=label,
        group=(raw.get("group") or "").strip() or f"{manifest.name}:{file}",
        fold=int(fold) if fold else None,
        image_id=(raw.get("image_id") or "").strip() or Path(file).stem,
        **optional,
    )


def _check_files(rows: Sequence[ManifestRow]) -> None:
    missing = [str(row.path) for row in rows if not row.path.is_file()]
    if missing:
        shown = ", ".join(missing[:MISSING_FILES_SHOWN])
        raise ManifestError(f"{len(missing)} of {len(rows)} files are missing, for example {shown}.")
    repeated = [str(path) for path, n in Counter(row.path for row in rows).items() if n > 1]
    if repeated:
        raise ManifestError(f"{len(repeated)} files are listed more than once, for example {repeated[0]}.")
