"""Make a manifest of class folders: describe every image, join copies and patients, make folds."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ml.datasets.discovery import DICOM_SUFFIXES, Discovery, FoundImage, find_images
from ml.datasets.duplicates import Fingerprint, fingerprint, joined, near_duplicates
from ml.datasets.folds import balanced_folds
from ml.datasets.images import UnreadableImageError, read_reduced
from ml.datasets.manifest import ManifestError
from ml.datasets.report import manifest_report
from ml.datasets.sources import KNOWN_SOURCES

COLUMNS = (
    *("file", "label", "source", "group", "fold", "split", "sex", "age", "view"),
    *("licence", "citation", "width", "height", "sha256"),
)
DEFAULT_FOLDS = 5
_READ_SIDE = 128

BuildProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Collection:
    """One folder of class folders and where it comes from."""

    folder: Path
    source: str
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class StatedFacts:
    """What a DICOM header says about an image; `patient` is a pseudonym."""

    sex: str = ""
    age: str = ""
    view: str = ""
    patient: str = ""


class DicomConverter(Protocol):
    """Writes a DICOM object as the PNG that training reads."""

    def __call__(self, path: Path, png: Path) -> StatedFacts:
        """Write `png` and return what the header says. Raises `UnreadableImageError`."""


@dataclass(frozen=True, slots=True)
class DescribedImage:
    """An image that could be read, as the manifest and the report need it."""

    path: Path
    label: str
    source: str
    split: str
    patient: str
    facts: StatedFacts
    width: int
    height: int
    sha256: str
    fingerprint: Fingerprint
    licence: str = ""
    citation: str = ""


def build_manifest(
    collections: Sequence[Collection],
    out: Path,
    *,
    labels: Mapping[str, str],
    keep_conflicts: bool = False,
    folds: int = DEFAULT_FOLDS,
    seed: int = 20,
    convert_dicom: DicomConverter | None = None,
    progress: BuildProgress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Write the manifest of these collections to `out` and return the report on it, as JSON can hold it.

    Of exact copies the first is listed. Images of one patient and every near-duplicate share a group. Copies
    and near-duplicates under different labels are reported, and left out unless `keep_conflicts`. Raises
    `ManifestError` for unknown folders, or when no image can be read.
    """
    if len({one.source for one in collections}) < len(collections):
        raise ManifestError("Two collections have the same source name; give each its own --source.")
    described: list[DescribedImage] = []
    unreadable: dict[str, str] = {}
    discoveries = [find_images(one.folder, labels=labels) for one in collections]
    total = sum(len(discovery.images) for discovery in discoveries)
    for collection, discovery in zip(collections, discoveries, strict=True):
        for image in discovery.images:
            progress("reading", len(described) + len(unreadable), total)
            try:
                described.append(_describe(image, collection, out, convert_dicom))
            except (UnreadableImageError, OSError) as error:
                unreadable[_relative(image.path, out)] = str(error)
    progress("reading", total, total)
    if not described:
        raise ManifestError(
            f"None of {total} images can be read; the first: {next(iter(unreadable.items()))}."
        )
    return write_manifest(
        described,
        out,
        keep_conflicts=keep_conflicts,
        folds=folds,
        seed=seed,
        unreadable=unreadable,
        left_aside=_summed(discoveries),
        progress=progress,
    )


def write_manifest(
    images: Sequence[DescribedImage],
    out: Path,
    *,
    keep_conflicts: bool = False,
    folds: int = DEFAULT_FOLDS,
    seed: int = 20,
    unreadable: Mapping[str, str] | None = None,
    left_aside: Mapping[str, int] | None = None,
    numbered_groups: bool = True,
    progress: BuildProgress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Join copies and patients, make folds, write the manifest to `out`, and return the report on it.

    A group is named by its source and a number, or, without `numbered_groups`, by the first of its patients'
    pseudonyms, so that it has the same name in another manifest.
    """
    progress("comparing", 0, 1)
    pairs = _Pairs.of(images)
    progress("comparing", 1, 1)
    left_out = pairs.copies_left_out | (set() if keep_conflicts else pairs.in_conflict)
    listed = [position for position in range(len(images)) if position not in left_out]
    groups = _group_names(images, pairs, numbered=numbered_groups)
    strata = [f"{images[i].source} {images[i].label}" for i in listed]
    assigned = balanced_folds(strata, [groups[i] for i in listed], folds=folds, seed=seed)
    rows = [_row(images[i], out, groups[i], assigned[n] if assigned else None) for n, i in enumerate(listed)]
    _write(out, rows)
    return manifest_report(
        images,
        rows,
        groups=groups,
        exact=pairs.exact,
        near=pairs.near,
        in_conflict=sorted(pairs.in_conflict),
        names=[_relative(image.path, out) for image in images],
        unreadable=unreadable or {},
        left_aside=left_aside or {},
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Positions of images that show the same: byte for byte, or as near-duplicates."""

    exact: list[tuple[int, int]]
    near: list[tuple[int, int]]
    copies_left_out: set[int]
    """All but the first of exact copies with the same label."""
    in_conflict: set[int]

    @classmethod
    def of(cls, images: Sequence[DescribedImage]) -> _Pairs:
        same_bytes: dict[str, list[int]] = {}
        for position, image in enumerate(images):
            same_bytes.setdefault(image.sha256, []).append(position)
        first = [positions[0] for positions in same_bytes.values()]
        exact = [pair for positions in same_bytes.values() for pair in pairwise(positions)]
        found = near_duplicates([images[i].fingerprint for i in first])
        near = [(first[a], first[b]) for a, b in found.tolist()]
        kept: set[tuple[str, str]] = set()
        copies = set()
        for position, image in enumerate(images):
            if (image.sha256, image.label) in kept:
                copies.add(position)
            kept.add((image.sha256, image.label))
        disagreeing = [(a, b) for a, b in [*exact, *near] if images[a].label != images[b].label]
        disagreeing_bytes = {images[i].sha256 for pair in disagreeing for i in pair}
        in_conflict = {i for i, image in enumerate(images) if image.sha256 in disagreeing_bytes}
        return cls(exact, near, copies, in_conflict)


def _describe(
    image: FoundImage, collection: Collection, out: Path, convert_dicom: DicomConverter | None
) -> DescribedImage:
    path, facts = image.path, StatedFacts()
    if path.suffix.lower() in DICOM_SUFFIXES:
        if convert_dicom is None:
            raise UnreadableImageError("it is DICOM, which is not read here")
        relative = path.relative_to(collection.folder).with_suffix(".png")
        path = beside(out, "dicom") / collection.source / relative
        facts = convert_dicom(image.path, path)
    data = path.read_bytes()
    grey, (height, width) = read_reduced(data, at_least=_READ_SIDE)
    known = KNOWN_SOURCES.get(collection.source)
    return DescribedImage(
        path=path,
        label=image.label,
        source=collection.source,
        split=image.split,
        patient=facts.patient or image.patient,
        facts=facts,
        width=width,
        height=height,
        sha256=hashlib.sha256(data).hexdigest(),
        fingerprint=fingerprint(grey),
        licence=collection.licence or (known.licence if known else ""),
        citation=collection.citation or ("; ".join(known.citations) if known else ""),
    )


def beside(out: Path, what: str) -> Path:
    """Return the folder beside a manifest for images that no folder had: `NAME_dicom`, `NAME_s3`."""
    return out.with_name(f"{out.stem}_{what}")


def _group_names(images: Sequence[DescribedImage], pairs: _Pairs, *, numbered: bool) -> list[str]:
    """Name each image's group: a patient with every copy and near-duplicate."""
    links = [*pairs.exact, *pairs.near]
    first_of: dict[tuple[str, str], int] = {}
    for position, image in enumerate(images):
        if image.patient:
            links.append((first_of.setdefault((image.source, image.patient), position), position))
    numbers = joined(len(images), np.array(links, np.intp).reshape(-1, 2))
    names: dict[int, str] = {}
    if not numbered:
        for image, number in zip(images, numbers.tolist(), strict=True):
            names[number] = min(names.get(number, image.patient), image.patient)
    for image, number in zip(images, numbers.tolist(), strict=True):
        names.setdefault(number, f"{image.source}-{len(names):05d}")
    return [names[number] for number in numbers.tolist()]


def _row(image: DescribedImage, out: Path, group: str, fold: int | None) -> dict[str, Any]:
    return {
        "file": _relative(image.path, out),
        "label": image.label,
        "source": image.source,
        "group": group,
        "fold": "" if fold is None else fold,
        "split": image.split,
        "sex": image.facts.sex,
        "age": image.facts.age,
        "view": image.facts.view,
        "licence": image.licence,
        "citation": image.citation,
        "width": image.width,
        "height": image.height,
        "sha256": image.sha256,
    }


def _write(out: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the CSV all at once: a reader never meets half of it."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out.parent)).as_posix()


def _summed(discoveries: Sequence[Discovery]) -> dict[str, int]:
    total: dict[str, int] = {}
    for discovery in discoveries:
        for reason, count in discovery.left_aside.items():
            total[reason] = total.get(reason, 0) + count
    return total
