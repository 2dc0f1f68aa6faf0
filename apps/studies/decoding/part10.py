"""Reading a DICOM object up to its pixels, without trusting a word of it.

PS3.10 section 7 (File Meta Information) and PS3.5 section 7.1 (data elements) give the layout. The
dataset is parsed up to Pixel Data and no further, so that a ten-megabyte object costs what its
header costs and nothing behind the pixels can hurt.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, cast

from pydicom import dcmread

from apps.studies.decoding.attributes import Attributes
from apps.studies.decoding.rejection import unreadable
from apps.studies.decoding.transfer_syntaxes import (
    DECODABLE_TRANSFER_SYNTAXES,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE_TRANSFER_SYNTAXES,
)

Buffer = bytes | mmap.mmap

PREAMBLE_LENGTH = 128
UNDEFINED_LENGTH = 0xFFFFFFFF
_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_FLOAT_PIXEL_DATA = (b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00")
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITATION = b"\xfe\xff\xdd\xe0"
_MAX_META_LENGTH = 64 * 1024

HEADER_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PresentationIntentType",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "ViewCodeSequence",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTSequence",
    "VOILUTFunction",
    "WindowCenter",
    "WindowWidth",
    "PresentationLUTShape",
]
"""All that decoding reads; everything else of the dataset is skipped."""


@dataclass(frozen=True, slots=True)
class DicomObject:
    """The attributes of a DICOM object and where its pixel data stand in its bytes."""

    attributes: Attributes
    transfer_syntax_uid: str
    data: Buffer
    pixel_offset: int
    pixel_length: int
    """`UNDEFINED_LENGTH` when the pixel data are encapsulated."""

    def encapsulated_frame(self) -> bytes:
        """Return the one frame of encapsulated pixel data, its fragments joined.

        The offset table is not read, so it cannot lie. PS3.5 section A.4.
        """
        fragments: list[bytes] = []
        position = self.pixel_offset
        end = len(self.data)
        first = True
        while position + 8 <= end:
            tag = self.data[position : position + 4]
            (length,) = struct.unpack("<I", self.data[position + 4 : position + 8])
            position += 8
            if tag == _SEQUENCE_DELIMITATION:
                return _joined(fragments)
            if tag != _ITEM or length == UNDEFINED_LENGTH:
                raise unreadable("The encapsulated pixel data are not a sequence of fragments")
            if position + length > end:
                raise unreadable("The encapsulated pixel data are cut off")
            if not first:
                fragments.append(bytes(self.data[position : position + length]))
            first = False
            position += length
        raise unreadable("The encapsulated pixel data are cut off")


def _joined(fragments: list[bytes]) -> bytes:
    frame = b"".join(fragments)
    if not frame:
        raise unreadable("The object has no pixel data")
    return frame


def looks_like_dicom(data: Buffer) -> bool:
    """Say whether the bytes carry the DICM prefix, or begin with an element of group 0002 or 0008."""
    if data[PREAMBLE_LENGTH : PREAMBLE_LENGTH + 4] == b"DICM":
        return True
    return data[:2] in (b"\x02\x00", b"\x08\x00") and data[3:4] == b"\x00" and len(data) > 8


def read_dicom(data: Buffer) -> DicomObject:
    """Parse the header of a Part 10 file, or of a bare dataset without preamble.

    Raises `RejectedInputError` (unreadable) for anything that is not a complete header followed by
    pixel data in a transfer syntax that can be decoded.
    """
    has_prefix = data[PREAMBLE_LENGTH : PREAMBLE_LENGTH + 4] == b"DICM"
    start = PREAMBLE_LENGTH + 4 if has_prefix else 0
    transfer_syntax_uid = _stated_transfer_syntax(data, start)
    if not transfer_syntax_uid:
        if has_prefix:
            raise unreadable("The file meta information names no transfer syntax")
        transfer_syntax_uid = _guessed_transfer_syntax(data)
    if transfer_syntax_uid not in DECODABLE_TRANSFER_SYNTAXES:
        raise unreadable(f"Transfer syntax {transfer_syntax_uid[:64]} is not supported")

    stream = data if isinstance(data, mmap.mmap) else BytesIO(data)
    stream.seek(0)
    try:
        # A deflated dataset never gets here: its transfer syntax was refused above.
        dataset = dcmread(
            cast("BinaryIO", stream), stop_before_pixels=True, force=True, specific_tags=list(HEADER_KEYWORDS)
        )
    except RecursionError:
        raise unreadable("The header nests its sequences too deeply") from None
    except Exception as error:  # noqa: BLE001 - whatever pydicom trips over, the object is at fault
        raise unreadable(f"The header cannot be parsed ({type(error).__name__})") from None
    offset, length = _pixel_element(data, stream.tell(), transfer_syntax_uid)
    return DicomObject(Attributes(dataset), transfer_syntax_uid, data, offset, length)


def _stated_transfer_syntax(data: Buffer, start: int) -> str:
    """Return (0002,0010) from the File Meta group, which is always Explicit VR Little Endian."""
    position = start
    while data[position : position + 2] == b"\x02\x00":
        header = data[position : position + 12]
        if len(header) < 8:
            break
        if header[4:6] in (b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF", b"UC", b"UR"):
            if len(header) < 12:
                break
            (length,) = struct.unpack("<I", header[8:12])
            value_at = position + 12
        else:
            (length,) = struct.unpack("<H", header[6:8])
            value_at = position + 8
        if value_at + length > len(data) or value_at + length > start + _MAX_META_LENGTH:
            raise unreadable("The file meta information is cut off or its lengths are false")
        if header[:4] == b"\x02\x00\x10\x00":
            value = bytes(data[value_at : value_at + length])
            return "".join(c for c in value.decode("latin-1") if c in "0123456789.")
        position = value_at + length
    return ""


def _guessed_transfer_syntax(data: Buffer) -> str:
    vr = bytes(data[4:6])
    return EXPLICIT_VR_LITTLE_ENDIAN if vr.isalpha() and vr.isupper() else IMPLICIT_VR_LITTLE_ENDIAN


def _pixel_element(data: Buffer, position: int, transfer_syntax_uid: str) -> tuple[int, int]:
    """Return (offset, length) of the value of the Pixel Data element that starts at `position`."""
    tag = data[position : position + 4]
    if tag in _FLOAT_PIXEL_DATA:
        raise unreadable("Floating-point pixel data are not supported")
    if tag != _PIXEL_DATA:
        raise unreadable("The object has no pixel data")
    implicit = transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
    length_at = position + (4 if implicit else 8)
    if length_at + 4 > len(data):
        raise unreadable("The object ends where its pixel data should begin")
    (length,) = struct.unpack("<I", data[length_at : length_at + 4])
    encapsulated = length == UNDEFINED_LENGTH
    if encapsulated == (transfer_syntax_uid in NATIVE_TRANSFER_SYNTAXES):
        raise unreadable("The pixel data are not encoded as the transfer syntax says")
    if length == 0:
        raise unreadable("The object has no pixel data")
    return length_at + 4, length
