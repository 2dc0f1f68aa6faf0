"""Writing a data set's folder: grey PNG files without metadata, and a manifest of them.

A door into `ml.datasets`, which brings OpenCV and scikit-learn but no TensorFlow; import it in task bodies.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.core.errors import PermanentError
from apps.retraining.deidentification import KeptFacts, coarse_age, group_pseudonym
from apps.studies.objects import folder_sync
from ml.datasets.building import DescribedImage, StatedFacts, write_manifest
from ml.datasets.burned_in import burned_in_text
from ml.datasets.duplicates import fingerprint
from ml.datasets.images import UnreadableImageError, read_reduced
from ml.datasets.manifest import ManifestError, ManifestRow, read_manifest
from ml.evaluation.subgroups import PARTITIONS

MANIFEST = "manifest.csv"
IMAGES = "images"
SITE_LICENCE = "the site's own, by its patients' consent"
"""Stated of every image of this installation, so that the card of a version says it."""
RESERVE_BYTES = 1 << 30
"""Left free on the disk."""
_WHOLE = 1 << 16
"""A side that no image has: it is decoded at its full size."""

Report = Callable[[str, int, int], None]


class FreezingError(PermanentError):
    """The data set cannot be written so; says what was found and what to change."""


class BurnedInTextError(Exception):
    """There is lettering in the pixels."""


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """Where an image is in the data set, and in which fold (None where there were too few groups)."""

    file: str
    label: str
    fold: int | None


@dataclass(frozen=True, slots=True)
class FrozenFolder:
    """A whole data set: the SHA-256 of its manifest, its rows by file, and the report on it."""

    sha256: str
    rows: Mapping[str, FrozenRow]
    report: dict[str, Any]


@dataclass(slots=True)
class Freezer:
    """Takes images into a folder one by one, and then writes the manifest."""

    folder: Path
    images: list[DescribedImage] = field(default_factory=list)

    def add_site_image(self, grey: NDArray[np.uint8], *, label: str, facts: KeptFacts) -> str:
        """Write an image of this site, uint8 (height, width), and return its file's name in the folder.

        Raises `BurnedInTextError` when there is lettering in it.
        """
        if burned_in_text(grey):
            raise BurnedInTextError
        stated = StatedFacts(sex=facts.sex, age=facts.age, view=facts.view, patient=facts.patient)
        return self._add(grey, label=label, source=facts.source, stated=stated, licence=SITE_LICENCE)

    def add_manifests(self, paths: Sequence[Path], *, progress: Report) -> int:
        """Copy the images of manifests, as pixels alone, and return how many could not be read.

        Raises `FreezingError` for a faulty manifest or a disk without room.
        """
        try:
            rows = read_manifest(*paths).rows
        except ManifestError as error:
            raise FreezingError(str(error)) from error
        self._check_room(sum(row.path.stat().st_size for row in rows))
        unreadable = 0
        for done, row in enumerate(rows):
            progress("copying manifests", done, len(rows))
            try:
                self._add_row(row)
            except (UnreadableImageError, OSError):
                unreadable += 1
        progress("copying manifests", len(rows), len(rows))
        return unreadable

    def finish(self, *, folds: int, seed: int, progress: Report) -> FrozenFolder:
        """Write the manifest, drop the images that it leaves out, and make all of it survive a power cut.

        The order of the images does not matter: the same images, labels and settings give the same bytes.
        Raises `FreezingError` when there is no image.
        """
        if not self.images:
            raise FreezingError("There is no image to put into the data set.")
        self.images.sort(key=lambda one: (one.sha256, one.label, one.source, one.patient))
        path = self.folder / MANIFEST
        report = write_manifest(
            self.images, path, folds=folds, seed=seed, numbered_groups=False, progress=progress
        )
        try:
            rows = read_manifest(path).rows
        except ManifestError as error:
            raise FreezingError(f"Nothing is left of the data set: {error}") from error
        listed = {row.path.relative_to(self.folder).as_posix(): row for row in rows}
        for image in self.images:
            if self._name(image.sha256) not in listed:
                image.path.unlink(missing_ok=True)
        self._sync()
        return FrozenFolder(
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            rows={name: FrozenRow(name, row.label, row.fold) for name, row in listed.items()},
            report={
                **report,
                "by": {name: _by(rows, side) for name, side in PARTITIONS.items()},
                "groups_across_folds": _groups_across_folds(rows),
            },
        )

    def _add_row(self, row: ManifestRow) -> None:
        grey, _ = read_reduced(row.path.read_bytes(), at_least=_WHOLE)
        source = row.source or "manifest"
        stated = StatedFacts(
            sex=row.sex,
            age=_coarse(row.age),
            view=row.view,
            patient=group_pseudonym(source, row.group),
        )
        self._add(
            grey, label=row.label, source=source, stated=stated, licence=row.licence, citation=row.citation
        )

    def _add(
        self,
        grey: NDArray[np.uint8],
        *,
        label: str,
        source: str,
        stated: StatedFacts,
        licence: str = "",
        citation: str = "",
    ) -> str:
        stream = BytesIO()
        Image.fromarray(grey).save(stream, "PNG")
        data = stream.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        name = self._name(sha256)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        height, width = grey.shape
        self.images.append(
            DescribedImage(
                path=path,
                label=label,
                source=source,
                split="",
                patient=stated.patient,
                facts=stated,
                width=width,
                height=height,
                sha256=sha256,
                fingerprint=fingerprint(grey),
                licence=licence,
                citation=citation,
            )
        )
        return name

    @staticmethod
    def _name(sha256: str) -> str:
        return f"{IMAGES}/{sha256[:2]}/{sha256}.png"

    def _check_room(self, size: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < size + RESERVE_BYTES:
            raise FreezingError(
                f"The manifests' images are {size >> 20:,} MiB and the data folder's disk has "
                f"{free >> 20:,} MiB free; make room, or give fewer manifests."
            )

    def _sync(self) -> None:
        for directory, _, names in os.walk(self.folder):
            for name in names:
                with (Path(directory) / name).open("rb") as file:
                    os.fsync(file.fileno())
            folder_sync(Path(directory))


def folder_matches(folder: Path, sha256: str) -> bool:
    """Say whether a folder holds the manifest that its name promises, and every image by its hash."""
    path = folder / MANIFEST
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return False
    try:
        rows = read_manifest(path).rows
    except ManifestError:
        return False
    return all(hashlib.sha256(row.path.read_bytes()).hexdigest() == row.sha256 for row in rows)


def _coarse(age: str) -> str:
    try:
        return str(coarse_age(float(age)))
    except ValueError:
        return ""


def _by(rows: Sequence[ManifestRow], side: Callable[[ManifestRow], str]) -> dict[str, dict[str, int]]:
    """Count labels within each source, sex, age band or view."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(side(row), Counter())[row.label] += 1
    return {name: dict(counts[name]) for name in sorted(counts)}


def _groups_across_folds(rows: Sequence[ManifestRow]) -> int:
    """Count groups in more than one fold; there are none unless something is wrong."""
    folds: dict[str, set[int | None]] = {}
    for row in rows:
        folds.setdefault(row.group, set()).add(row.fold)
    return sum(len(one) > 1 for one in folds.values())
