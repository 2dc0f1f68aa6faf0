"""Making a manifest of what a site has: class folders, DICOM in them, or an S3 prefix.

A door into `ml.datasets`, which brings OpenCV and scikit-learn but no TensorFlow.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image
from storages.backends.s3 import S3Storage

from apps.core.errors import PermanentError
from apps.retraining.deidentification import patient_pseudonym
from apps.studies.decoding.pool import decode_pool
from apps.studies.header import ObjectHeader, UnreadableObjectError, read_dicom_header
from ml.contracts import RejectedInputError
from ml.datasets.building import Collection, StatedFacts, beside, build_manifest
from ml.datasets.discovery import DICOM_SUFFIXES
from ml.datasets.images import SUFFIXES, UnreadableImageError
from ml.datasets.manifest import ManifestError

S3_SCHEME = "s3://"
RESERVE_BYTES = 1 << 30
"""Left free on the disk when images are fetched."""

Report = Callable[[str, int, int], None]


class ManifestBuildError(PermanentError):
    """The manifest cannot be made so; says what was found and what to change."""


@dataclass(frozen=True, slots=True)
class ManifestRequest:
    """What somebody asks for: one or several places of class folders, and what is known of them.

    `places` are folders or `s3://bucket/prefix?endpoint_url=…`; `sources` names each, by default as its
    folder; `labels` maps folders to labels where their names do not say it.
    """

    places: tuple[str, ...]
    out: Path
    sources: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    keep_conflicts: bool = False
    folds: int = 5
    seed: int = 20


def manifest_build(request: ManifestRequest, *, progress: Report) -> dict[str, Any]:
    """Write the manifest to `request.out` and return the report on it. Raises `ManifestBuildError`."""
    if request.sources and len(request.sources) != len(request.places):
        raise ManifestBuildError(
            f"{len(request.sources)} source names for {len(request.places)} places; name each, or none."
        )
    out = request.out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        collections = [
            Collection(
                folder=_folder_of(place, name, out, progress),
                source=name,
                licence=request.licence,
                citation=request.citation,
            )
            for place, name in zip(request.places, request.sources or _names(request.places), strict=True)
        ]
        return build_manifest(
            collections,
            out,
            labels=request.labels,
            keep_conflicts=request.keep_conflicts,
            folds=request.folds,
            seed=request.seed,
            convert_dicom=dicom_convert,
            progress=progress,
        )
    except ManifestError as error:
        raise ManifestBuildError(str(error)) from error
    except OSError as error:
        raise ManifestBuildError(f"{error.filename or out}: {error.strerror or error}.") from error


def report_write(report: Mapping[str, Any], path: Path) -> None:
    """Write a manifest's report as JSON. Raises `ManifestBuildError`."""
    try:
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ManifestBuildError(f"{path} cannot be written: {error.strerror}.") from error


def dicom_convert(path: Path, png: Path) -> StatedFacts:
    """Decode a DICOM object as serving does, write it as PNG, and return what its header states.

    The patient becomes a pseudonym: an HMAC of identifier and issuer under this installation's secret,
    equal for equal patients and of no use elsewhere. Raises `UnreadableImageError`.
    """
    try:
        with path.open("rb") as file:
            header = read_dicom_header(file, size=path.stat().st_size)
        radiograph = decode_pool().decode(path)
    except (UnreadableObjectError, RejectedInputError) as error:
        raise UnreadableImageError(str(error)) from error
    png.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((radiograph.pixels * 255).round().astype(np.uint8)).save(png)
    return StatedFacts(
        sex=header.code("PatientSex", 1),
        age=_age(header.code("PatientBirthDate", 8), header.code("StudyDate", 8)),
        view=header.code("ViewPosition", 16),
        patient=_pseudonym(header),
    )


def _pseudonym(header: ObjectHeader) -> str:
    patient_id = header.text("PatientID", 64)
    return patient_pseudonym(patient_id, header.text("IssuerOfPatientID", 64)) if patient_id else ""


def _age(born: str, on: str) -> str:
    """Return whole years from two DICOM dates (PS3.5 6.2, DA); empty where one is missing or impossible."""
    try:
        birth, study = date.fromisoformat(born), date.fromisoformat(on)
    except ValueError:
        return ""
    years = study.year - birth.year - ((study.month, study.day) < (birth.month, birth.day))
    return str(years) if 0 <= years <= 130 else ""


def _names(places: Sequence[str]) -> list[str]:
    """Name each place by its last level, in letters that fit into paths and group names."""
    lasts = [PurePosixPath(urlsplit(one).path.strip("/") or urlsplit(one).netloc).name for one in places]
    return [re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "images" for last in lasts]


def _folder_of(place: str, name: str, out: Path, progress: Report) -> Path:
    if place.startswith(S3_SCHEME):
        return _fetch(place, beside(out, "s3") / name, progress)
    folder = Path(place).resolve()
    if not folder.is_dir():
        raise ManifestBuildError(
            f"{place} is no folder; expected one with class folders in it, or {S3_SCHEME}…."
        )
    return folder


def _fetch(url: str, folder: Path, progress: Report) -> Path:
    """Copy the images under an S3 prefix into a folder; what is there already with its size is kept.

    Credentials come from the cloud's own environment (`AWS_…`), as for `CXR_STORAGE_URL`.
    """
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        bucket = S3Storage(bucket_name=parts.netloc, **options).bucket
        found = list(bucket.objects.filter(Prefix=f"{prefix}/" if prefix else ""))
        wanted = [one for one in found if PurePosixPath(one.key).suffix.lower() in SUFFIXES | DICOM_SUFFIXES]
        if not wanted:
            raise ManifestBuildError(
                f"{url} holds no image among {len(found)} objects; check bucket and prefix."
            )
        _check_room(folder, sum(one.size for one in wanted))
        for done, one in enumerate(wanted):
            progress("fetching", done, len(wanted))
            target = _inside(folder, one.key.removeprefix(prefix).strip("/"))
            if not (target.is_file() and target.stat().st_size == one.size):
                target.parent.mkdir(parents=True, exist_ok=True)
                bucket.download_file(one.key, str(target))
        progress("fetching", len(wanted), len(wanted))
    except (BotoCoreError, ClientError, ValueError) as error:
        raise ManifestBuildError(
            f"{parts.scheme}://{parts.netloc}/{prefix} cannot be read: {error}"
        ) from error
    return folder


def _inside(folder: Path, name: str) -> Path:
    """Return where an object goes; a key that would leave the folder is refused."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ManifestBuildError(f"The object {name!r} would be written outside {folder}; leave it out.")
    return target


def _check_room(folder: Path, size: int) -> None:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < size + RESERVE_BYTES:
        raise ManifestBuildError(
            f"The images are {size >> 20:,} MiB and the disk of {existing} has {free >> 20:,} MiB free; "
            "write the manifest to a larger disk."
        )
