"""What must be known about an object before it is kept: read within fixed bounds, decoding nothing.

The listener trusts nobody, so this walks the data elements itself (PS3.5 section 7.1) and keeps a few
short values: no recursion, no value larger than `MAX_VALUE_BYTES` in memory, no more than
`MAX_ELEMENTS` elements, no nesting deeper than `MAX_DEPTH`. Whole parsing happens in the decode pool.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from apps.studies.decoding.transfer_syntaxes import (
    DECODABLE_TRANSFER_SYNTAXES,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from apps.studies.text import clean_text, decoded_text, python_encodings

MAX_ELEMENTS = 50_000
MAX_DEPTH = 64
MAX_VALUE_BYTES = 4096

_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_DATA = 0x7FE00010
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)

_KEYWORDS = {
    0x00080005: "SpecificCharacterSet",
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
    0x00080020: "StudyDate",
    0x00080030: "StudyTime",
    0x00080050: "AccessionNumber",
    0x00080060: "Modality",
    0x00080080: "InstitutionName",
    0x00081010: "StationName",
    0x00081030: "StudyDescription",
    0x00100010: "PatientName",
    0x00100020: "PatientID",
    0x00100021: "IssuerOfPatientID",
    0x00100030: "PatientBirthDate",
    0x00100040: "PatientSex",
    0x00180015: "BodyPartExamined",
    0x00185101: "ViewPosition",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00200013: "InstanceNumber",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280301: "BurnedInAnnotation",
    0x00280302: "RecognizableVisualFeatures",
}


class UnreadableObjectError(Exception):
    """The bytes are no object that can be kept as an instance; `code` is for machines."""

    def __init__(self, detail: str, code: str = "unreadable") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """The values, as text without padding, of the attributes that a row holds."""

    transfer_syntax_uid: str
    dataset_offset: int
    """Where the dataset begins, after preamble and File Meta group."""
    values: dict[str, bytes] = field(repr=False)

    def text(self, keyword: str, length: int) -> str:
        """Return an attribute's cleaned text of at most `length` characters, '' where it is absent."""
        encodings = python_encodings(self.values.get("SpecificCharacterSet", b""))
        return decoded_text(self.values.get(keyword, b""), encodings, length)

    def code(self, keyword: str, length: int) -> str:
        """Return the first value of an attribute that has the default character set only."""
        value = self.values.get(keyword, b"").split(b"\\")[0].decode("ascii", "replace")
        return clean_text(value.replace("\ufffd", ""), length)

    def uid(self, keyword: str) -> str:
        """Return a UID as it stands, without its padding; not yet checked against the grammar."""
        return self.values.get(keyword, b"").decode("ascii", "replace").rstrip("\0 ")

    def count(self, keyword: str) -> int | None:
        """Return an unsigned short, or None where it is absent or has another size."""
        value = self.values.get(keyword, b"")
        return int.from_bytes(value, "little") if len(value) == 2 else None


def sniff_format(start: bytes) -> str:
    """Return `png`, `jpeg` or `dicom` by the first 136 bytes, or '' for anything else.

    A DICOM file may lack its preamble; its first element then belongs to group 0002 or 0008.
    """
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start[128:132] == b"DICM":
        return "dicom"
    if len(start) > 8 and start[:2] in (b"\x02\x00", b"\x08\x00") and start[3] == 0:
        return "dicom"
    return ""


def read_dicom_header(file: BinaryIO, *, size: int) -> ObjectHeader:
    """Read a Part 10 file, or a bare dataset, up to its pixel data.

    Raises `UnreadableObjectError` when lengths run past the end, the nesting or the number of elements
    is beyond the limits, or the transfer syntax is not one that the workers decode.
    """
    file.seek(0)
    start = file.read(136)
    position = 132 if start[128:132] == b"DICM" else 0
    walker = _Walker(file, size)
    position, meta = walker.meta(position)
    transfer_syntax_uid = meta.get(0x00020010, b"").decode("ascii", "replace").rstrip("\0 ")
    if not transfer_syntax_uid:
        if meta or position:
            raise UnreadableObjectError("The file meta information names no transfer syntax.")
        transfer_syntax_uid = EXPLICIT_VR_LITTLE_ENDIAN if _is_vr(start[4:6]) else IMPLICIT_VR_LITTLE_ENDIAN
    if transfer_syntax_uid not in DECODABLE_TRANSFER_SYNTAXES:
        raise UnreadableObjectError(
            f"Transfer syntax {clean_text(transfer_syntax_uid, 64)} is not accepted.",
            "unsupported_transfer_syntax",
        )
    return ObjectHeader(transfer_syntax_uid, position, walker.dataset(position))


def _is_vr(value: bytes) -> bool:
    return value.isalpha() and value.isupper()


class _Element(NamedTuple):
    tag: int
    length: int
    value_at: int
    contents_implicit: bool
    """Of items inside: a UN of undefined length holds Implicit VR (PS3.5 6.2.2)."""


class _Walker:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._elements = 0

    def meta(self, position: int) -> tuple[int, dict[int, bytes]]:
        """Read group 0002, always Explicit VR Little Endian; return where it ends, and its values."""
        values: dict[int, bytes] = {}
        while self._read(position, 2) == b"\x02\x00":
            tag, length, value_at, _ = self._element(position, implicit=False)
            if length > MAX_VALUE_BYTES:
                raise UnreadableObjectError("The file meta information has a false length.")
            values[tag] = self._read(value_at, length)
            position = value_at + length
        return position, values

    def dataset(self, position: int) -> dict[str, bytes]:
        """Collect the wanted top-level values up to the pixel data, skipping everything else."""
        values: dict[str, bytes] = {}
        implicit = self._is_implicit(position)
        while position < self._size:
            tag, length, value_at, contents_implicit = self._element(position, implicit)
            if tag == _PIXEL_DATA:
                self._check_pixels(value_at, length)
                break
            if tag >> 16 < 0x0008 or tag >> 16 == 0xFFFE:
                raise UnreadableObjectError("The dataset holds an element that may not stand there.")
            if length == _UNDEFINED_LENGTH:
                position = self._skip_sequence(value_at, contents_implicit)
                continue
            if value_at + length > self._size:
                raise UnreadableObjectError("The object ends in the middle of an element.")
            if keyword := _KEYWORDS.get(tag):
                if keyword in values:
                    raise UnreadableObjectError(f"{keyword} stands in the dataset twice.")
                # Longer than any column: the rest cannot matter, and must not be held.
                values[keyword] = self._read(value_at, min(length, MAX_VALUE_BYTES))
            position = value_at + length
        return values

    def _is_implicit(self, position: int) -> bool:
        """Some senders encode the other way than they negotiated; the first element shows it."""
        header = self._read(position, 6)
        if len(header) < 6:
            raise UnreadableObjectError("The object has no dataset.")
        return not _is_vr(header[4:6])

    def _check_pixels(self, value_at: int, length: int) -> None:
        if length != _UNDEFINED_LENGTH and value_at + length > self._size:
            raise UnreadableObjectError("The object ends in the middle of its pixel data.")

    def _skip_sequence(self, position: int, implicit: bool) -> int:
        """Return the position after a sequence of undefined length, with a stack of our own."""
        stack = [("sequence", implicit)]
        while stack:
            kind, implicit = stack[-1]
            tag, length, position, contents_implicit = self._element(position, implicit)
            if kind == "sequence":
                if tag == _SEQUENCE_END:
                    stack.pop()
                elif tag != _ITEM:
                    raise UnreadableObjectError("A sequence holds something that is not an item.")
                elif length == _UNDEFINED_LENGTH:
                    stack.append(("item", implicit))
                else:
                    position += length
            elif tag == _ITEM_END:
                stack.pop()
            elif length == _UNDEFINED_LENGTH:
                stack.append(("sequence", contents_implicit))
            else:
                position += length
            if len(stack) > MAX_DEPTH:
                raise UnreadableObjectError(f"Sequences are nested more than {MAX_DEPTH} deep.")
        return position

    def _element(self, position: int, implicit: bool) -> _Element:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise UnreadableObjectError(f"The header holds more than {MAX_ELEMENTS} elements.")
        header = self._read(position, 12)
        if len(header) < 8:
            raise UnreadableObjectError("The object ends in the middle of an element.")
        group, number = struct.unpack_from("<HH", header)
        tag, vr = group << 16 | number, header[4:6]
        if implicit or group == 0xFFFE:
            return _Element(tag, struct.unpack_from("<I", header, 4)[0], position + 8, implicit)
        if not _is_vr(vr):
            raise UnreadableObjectError("An element has no value representation.")
        if vr not in _LONG_VRS:
            return _Element(tag, struct.unpack_from("<H", header, 6)[0], position + 8, implicit)
        if len(header) < 12:
            raise UnreadableObjectError("The object ends in the middle of an element.")
        return _Element(tag, struct.unpack_from("<I", header, 8)[0], position + 12, vr == b"UN")

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(length)


def read_picture_size(file: BinaryIO, file_format: str) -> tuple[int, int]:
    """Return (rows, columns) of a PNG (W3C PNG 11.2.1) or JPEG (ITU-T T.81 B.2.2) by its header alone.

    Raises `UnreadableObjectError` when the header is cut off or states no size.
    """
    file.seek(0)
    if file_format == "png":
        start = file.read(24)
        columns, rows = struct.unpack(">II", start[16:24]) if len(start) == 24 else (0, 0)
        if start[12:16] != b"IHDR" or not 0 < rows < 1 << 31 or not 0 < columns < 1 << 31:
            raise UnreadableObjectError("The PNG file has no valid header.")
        return rows, columns
    position = 2
    for _ in range(1000):
        file.seek(position)
        segment = file.read(9)
        if len(segment) < 4 or segment[0] != 0xFF:
            break
        marker, length = segment[1], struct.unpack_from(">H", segment, 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(segment) == 9:
            rows, columns = struct.unpack_from(">HH", segment, 5)
            if rows and columns:
                return rows, columns
            break
        position += 2 + length if marker != 0xFF else 1
    raise UnreadableObjectError("The JPEG file has no valid frame header.")
