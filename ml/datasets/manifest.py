"""Read and check a manifest: a CSV with a row per image, at least `file` and `label`."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from ml.contracts import Finding
from ml.datasets.labels import OUT_OF_DISTRIBUTION_PREFIX, is_label, label_meant

REQUIRED_COLUMNS = ("file", "label")
OPTIONAL_COLUMNS = ("source", "sex", "age", "view", "licence", "citation", "sha256")
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
    citation: str = ""
    sha256: str = ""

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
    """Read manifests and check columns, labels, folds, that every file exists and none is there twice.

    A row without `group` is its own group. Raises `ManifestError`.
    """
    if not paths:
        raise ManifestError("No manifest was given; expected at least one CSV file.")
    rows: list[ManifestRow] = []
    digests: dict[str, str] = {}
    for path in paths:
        data = _bytes_of(path)
        rows.extend(_rows_of(path, data))
        digests[path.name] = hashlib.sha256(data).hexdigest()
    if not rows:
        raise ManifestError(f"{paths[0]} has a header but no rows.")
    _check_files(rows)
    _check_repetitions(rows)
    return Manifest(tuple(rows), digests)


def select_classes(
    rows: Sequence[ManifestRow], classes: Mapping[str, Sequence[str]]
) -> tuple[tuple[ManifestRow, ...], tuple[int, ...]]:
    """Map labels to class indices and leave out rows whose label belongs to no class.

    `classes` maps a class name to the manifest labels it gathers. Raises `ManifestError` when a label is
    claimed twice, is unknown, or a class has no image.
    """
    index: dict[str, int] = {}
    for position, (name, labels) in enumerate(classes.items()):
        for label in labels:
            if not is_label(label):
                raise ManifestError(f"Class {name!r} gathers the {_unknown_label(label)}")
            if label in index:
                raise ManifestError(f"Label {label!r} belongs to two classes; give it to one.")
            index[label] = position
        if not any(row.label in labels for row in rows):
            there = ", ".join(f"{n} {label}" for label, n in Counter(row.label for row in rows).items())
            raise ManifestError(
                f"Class {name!r} ({'+'.join(labels)}) has no image in the manifest, which has "
                f"{there or 'no radiograph'}. Name the classes to train for: --classes NAME=label+label …"
            )
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


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error.strerror}.") from error


def _rows_of(path: Path, data: bytes) -> Iterator[ManifestRow]:
    """Read a manifest's rows; says what kind of file it is where it is no CSV in UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path} is not UTF-8 text (byte {error.start}); save the sheet as “CSV UTF-8”."
        ) from error
    if "\0" in text:
        raise ManifestError(f"{path} is no CSV but a binary file; export the sheet as “CSV UTF-8”.")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header)
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                raise ManifestError(
                    f"{path}, line {reader.line_num}: {len(values)} values under {len(header)} columns; "
                    "put a text that holds commas into quotes."
                )
            yield _row(path, reader.line_num, dict(zip(header, values, strict=True)))
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: this is no CSV ({error}).") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        found = ", ".join(header) or "nothing"
        hint = " Separate columns by commas." if len(header) == 1 else ""
        raise ManifestError(f"{path} lacks the column(s) {', '.join(missing)}; it has {found}.{hint}")
    repeated = [name for name, n in Counter(header).items() if n > 1]
    if repeated:
        raise ManifestError(f"{path} has the column {repeated[0]!r} more than once; keep one.")


def _row(manifest: Path, number: int, raw: Mapping[str, str]) -> ManifestRow:
    given = {name: value.strip() for name, value in raw.items()}
    file, label, fold = given["file"], given["label"], given.get("fold", "")
    if not file:
        raise ManifestError(f"{manifest}, line {number}: the column `file` is empty.")
    if not is_label(label):
        raise ManifestError(f"{manifest}, line {number}: {_unknown_label(label)}")
    if fold and not fold.isdecimal():
        raise ManifestError(f"{manifest}, line {number}: fold {fold!r} is not a whole number.")
    return ManifestRow(
        path=manifest.parent / file,
        label=label,
        group=given.get("group") or f"{manifest.name}:{file}",
        fold=int(fold) if fold else None,
        image_id=given.get("image_id") or Path(file).stem,
        **{name: given.get(name, "") for name in OPTIONAL_COLUMNS},
    )


def _unknown_label(label: str) -> str:
    meant = label_meant(label)
    hint = f"did you mean {meant!r}? " if meant else ""
    return (
        f"unknown label {label!r}; {hint}expected one of {', '.join(Finding)} or "
        f"{OUT_OF_DISTRIBUTION_PREFIX}*."
    )


def _check_files(rows: Sequence[ManifestRow]) -> None:
    missing = [str(row.path) for row in rows if not row.path.is_file()]
    if missing:
        shown = ", ".join(missing[:MISSING_FILES_SHOWN])
        raise ManifestError(f"{len(missing)} of {len(rows)} files are missing, for example {shown}.")


def _check_repetitions(rows: Sequence[ManifestRow]) -> None:
    """Refuse a file that is listed twice, and copies of an image that contradict each other."""
    listed: dict[Path, ManifestRow] = {}
    copies: dict[str, ManifestRow] = {}
    for row in rows:
        if listed.setdefault(row.path.resolve(), row) is not row:
            raise ManifestError(f"{row.path} is listed more than once; keep one row for it.")
        other = copies.setdefault(row.sha256, row) if row.sha256 else row
        if (row.label, row.group) != (other.label, other.group):
            raise ManifestError(
                f"{other.path} and {row.path} are the same image (sha256), but differ in label or group: "
                f"{other.label!r} of {other.group!r}, {row.label!r} of {row.group!r}. Keep one row."
            )
