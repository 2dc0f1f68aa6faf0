"""Small radiographs for the tests of intake, and the ways in which strangers spoil them."""

from __future__ import annotations

import random
import struct
from io import BytesIO

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from tests.studies.decoding.objects import dataset, part10, picture

COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
HOSTILE_TEXT = "\u202eEvil^<script>alert(1)</script>{{7*7}}'; DROP TABLE--\r\n\x1b[2J\u2066" + "x" * 400


def radiograph(
    *, transfer_syntax: UID = ExplicitVRLittleEndian, bits: int = 12, **attributes: object
) -> Dataset:
    """Return a small chest radiograph with new UIDs, or with those given."""
    with disable_value_validation():  # strangers do not validate either
        ds = dataset(picture(rows=240, columns=200, bits=bits), bits=bits, transfer_syntax=transfer_syntax)
        ds.PatientID = f"P-{random.getrandbits(40)}"
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.AccessionNumber = "A-1"
        ds.StudyDate, ds.StudyTime = "20260102", "131415"
        ds.InstanceNumber = "1"
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    return ds


def radiograph_file(**attributes: object) -> bytes:
    """Return a small chest radiograph as a DICOM file."""
    with disable_value_validation():
        return part10(radiograph(**attributes))  # type: ignore[arg-type]  # keywords of DICOM


def bare_dataset(ds: Dataset) -> bytes:
    """Return the dataset as C-STORE carries it: without preamble and File Meta."""
    stream = BytesIO()
    written = Dataset()
    written.update(ds)
    implicit = ds.file_meta.TransferSyntaxUID.is_implicit_VR
    written.save_as(stream, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    return stream.getvalue()


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return one data element in Explicit VR Little Endian with a short length."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def header_elements(*, uid: str = "") -> bytes:
    """Return the elements that every object must have, up to where patient and pixels would follow."""
    uids = {0x00080016: COMPUTED_RADIOGRAPHY, 0x00080018: uid or generate_uid()}
    return b"".join(element(tag, b"UI", _padded(value)) for tag, value in uids.items())


def deep_sequences(depth: int) -> bytes:
    """Return the start of a dataset whose sequences hold sequences, none of them closed."""
    opened = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return header_elements() + (opened + item) * depth


def many_elements(count: int) -> bytes:
    """Return a dataset of so many private elements."""
    return header_elements() + b"".join(
        element(0x00091000 + number % 0xE000, b"SH", b"x ") for number in range(count)
    )


def with_sequence(ds: Dataset) -> Dataset:
    """Return the object with a nested sequence of undefined length before its pixels."""
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.ConceptNameCodeSequence = Sequence([inner])
    outer["ConceptNameCodeSequence"].is_undefined_length = True
    ds.AcquisitionContextSequence = Sequence([outer])
    ds["AcquisitionContextSequence"].is_undefined_length = True
    return ds


def _padded(value: str) -> bytes:
    return value.encode() + b"\0" * (len(value) % 2)
