"""What `up --demo` sends: synthetic radiographs whose outcome is known, or a folder's own images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from apps.core.errors import PermanentError
from apps.studies.identifiers import derived_uid
from ml import phantom

_REFUSED = {
    "lateral": "rejected: not_frontal",
    **dict.fromkeys(("hand", "document", "blank", "ct_slice"), "rejected"),
}


@dataclass(frozen=True, slots=True)
class DemoObject:
    """A file to send and what must become of it."""

    name: str
    path: Path
    sop_instance_uid: str
    expected: str
    """The beginning of the outcome; empty where any result is right."""
    is_again: bool = False
    """Sent before under the same UID with the same bytes."""


def synthetic_objects(folder: Path) -> list[DemoObject]:
    """Write the phantoms into `folder`: each finding, a re-send, a conflict, refusals, a corrupt file."""
    objects = [_phantom(folder, kind, seed, expected=_REFUSED.get(kind, kind)) for kind, seed in phantom.DEMO]
    first, second = objects[0], objects[1]
    objects.append(
        DemoObject(f"{first.name}, sent again", first.path, first.sop_instance_uid, "known", is_again=True)
    )
    objects.append(_conflict(folder, holds=second, pixels_of=first))
    objects.append(_corrupt(folder, like=first))
    return objects


def _phantom(folder: Path, kind: str, seed: int, *, expected: str) -> DemoObject:
    path = folder / f"{kind}-{seed}.dcm"
    path.write_bytes(phantom.phantom_dicom(kind, seed=seed))
    return DemoObject(kind.replace("_", " "), path, _sop_instance_uid(path), expected)


def _conflict(folder: Path, *, holds: DemoObject, pixels_of: DemoObject) -> DemoObject:
    """Another image under a SOP Instance UID that the platform holds already."""
    ds = dcmread(holds.path)
    ds.PixelData = dcmread(pixels_of.path).PixelData
    path = folder / "conflict.dcm"
    ds.save_as(path)
    return DemoObject(f"other image under the UID of {holds.name}", path, holds.sop_instance_uid, "conflict")


def _corrupt(folder: Path, *, like: DemoObject) -> DemoObject:
    """A file that ends in the middle of its header, as after a full disk or a broken transfer."""
    whole = like.path.read_bytes()
    ds = dcmread(like.path, stop_before_pixels=True)
    meta_end = 132 + 12 + int(ds.file_meta.FileMetaInformationGroupLength)
    path = folder / "corrupt.dcm"
    path.write_bytes(whole[: meta_end + 60])
    return DemoObject("corrupt file", path, like.sop_instance_uid, "quarantined")


def images_of_folder(source: Path, folder: Path) -> Iterator[DemoObject]:
    """Yield the folder's images, DICOM as it is, PNG and JPEG as Secondary Capture written to `folder`.

    Raises `PermanentError` when there are none.
    """
    if not source.is_dir():
        raise PermanentError(f"CXR_DEMO_IMAGES: {source} is not a folder.")
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise PermanentError(f"CXR_DEMO_IMAGES: {source} holds no {', '.join(sorted(_SUFFIXES))} files.")
    for number, path in enumerate(paths):
        if path.suffix.lower() in {".dcm", ".dicom"}:
            yield DemoObject(path.name, path, _sop_instance_uid(path), "")
        else:
            wrapped = folder / f"{number:06d}.dcm"
            yield DemoObject(path.name, wrapped, _wrap(path, wrapped), "")


_SUFFIXES = {".dcm", ".dicom", ".png", ".jpg", ".jpeg"}


def _wrap(source: Path, target: Path) -> str:
    """Write a PNG or JPEG as an 8-bit Secondary Capture; its UIDs derive from its bytes."""
    data = source.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    with Image.open(BytesIO(data)) as image:
        pixels = np.asarray(image.convert("L"))
    ds = Dataset()
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.SOPInstanceUID = derived_uid(digest, "instance")
    ds.StudyInstanceUID = derived_uid(digest, "study")
    ds.SeriesInstanceUID = derived_uid(digest, "series")
    ds.PatientID = f"DEMO-{digest[:8]}"
    ds.PatientName = f"Demo^{source.stem[:40]}"
    ds.Modality = "OT"
    ds.ConversionType = "WSD"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(target, enforce_file_format=True)
    return str(ds.SOPInstanceUID)


def _sop_instance_uid(path: Path) -> str:
    return str(dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
