"""DICOM objects made for the decoding tests: a smooth picture with a few sharp edges, in any dress."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from apps.studies.decoding.stated import DIGITAL_XRAY_FOR_PRESENTATION
from tests.peers.program import find_program

StoredValues = NDArray[Any]


def picture(*, rows: int = 300, columns: int = 260, bits: int = 12) -> StoredValues:
    """Return unsigned stored values that use nearly the whole range."""
    y, x = np.mgrid[0:rows, 0:columns]
    wave = np.sin(x / 23) + np.cos(y / 31) + 0.3 * np.sin((x + 2 * y) / 9)
    grey: StoredValues = (wave - wave.min()) / (wave.max() - wave.min())
    grey[20:60, 30:50] = 1.0
    grey[200:240, 130:190] = 0.0
    stored: StoredValues = np.round(grey * ((1 << bits) - 1)).astype(np.uint8 if bits <= 8 else np.uint16)
    return stored


def dataset(
    values: StoredValues, *, bits: int = 12, transfer_syntax: UID = ExplicitVRLittleEndian
) -> Dataset:
    """Return a DX For Presentation object holding the values, with no VOI of its own."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(DIGITAL_XRAY_FOR_PRESENTATION)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.PatientID = "TEST"
    ds.PatientName = "SYNTHETIC^TEST"
    ds.Modality = "DX"
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = "PA"
    ds.Rows, ds.Columns = values.shape[:2]
    ds.SamplesPerPixel = 1 if values.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = values.dtype.itemsize * 8
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 1 if values.dtype.kind == "i" else 0
    ds.PixelData = values.tobytes()
    return ds


def part10(ds: Dataset) -> bytes:
    """Return the object as a DICOM file."""
    stream = BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def negative(ds: Dataset) -> Dataset:
    """Return the same image as MONOCHROME1: values, window and VOI LUT mirrored."""
    mirrored = Dataset()
    mirrored.update(ds)
    mirrored.file_meta = ds.file_meta
    bits, signed = ds.BitsStored, ds.PixelRepresentation == 1
    total = -1 if signed else (1 << bits) - 1
    dtype = np.dtype(f"<{'i' if signed else 'u'}{ds.BitsAllocated // 8}")
    values = np.frombuffer(ds.PixelData, dtype)
    mirrored.PixelData = (total - values.astype(np.int32)).astype(dtype).tobytes()
    mirrored.PhotometricInterpretation = "MONOCHROME1"
    mirrored.PresentationLUTShape = "INVERSE"
    if "WindowCenter" in ds:
        exact = ds.get("VOILUTFunction", "LINEAR") != "LINEAR"
        # The edges of LINEAR lie half a value off centre, PS3.3 C.11.2.1.2.1.
        mirrored.WindowCenter = total - float(ds.WindowCenter) + (0 if exact else 1)
    if "VOILUTSequence" in ds:
        item, source = Dataset(), ds.VOILUTSequence[0]
        entries, first, depth = source.LUTDescriptor
        item.LUTDescriptor = [entries, total - (first + entries - 1), depth]
        table = np.frombuffer(source.LUTData, "<u2")[::-1]
        item.LUTData = ((1 << depth) - 1 - table).astype("<u2").tobytes()
        mirrored.VOILUTSequence = [item]
    return mirrored


def voi_lut(values: NDArray[np.uint16], *, first: int, bits: int) -> Dataset:
    """Return a VOI LUT Sequence item."""
    item = Dataset()
    item.LUTDescriptor = [len(values) % 65_536, first, bits]
    item.LUTData = values.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item


def recoded(data: bytes, command: list[str], folder: Path) -> bytes:
    """Run another program's encoder, `command IN OUT`, over a file."""
    package = "libgdcm-tools" if command[0].startswith("gdcm") else "dcmtk"
    program = find_program(command[0], package=package)
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    subprocess.run(
        [program, *command[1:], str(source), str(target)], check=True, capture_output=True, timeout=60
    )
    return target.read_bytes()
