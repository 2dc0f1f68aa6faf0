"""Typed reading of DICOM attributes that come from a stranger.

pydicom converts values by the VR that the file states, warns, and raises whatever the value makes
it raise. Here the caller says what it wants (text, an integer, numbers) and gets it, a default, or
a typed rejection. Every syntax we decode is little endian.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from apps.studies.decoding.rejection import unreadable

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_BINARY_FORMATS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i"}
MAX_TEXT = 64


class Attributes:
    """The attributes of one dataset (or sequence item), read by keyword."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def text(self, keyword: str) -> str:
        """Return the first value as upper-case printable ASCII of at most 64 characters, or ''."""
        return _UNPRINTABLE.sub("", self._text(keyword).split("\\")[0]).strip()[:MAX_TEXT].upper()

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return an integer whatever VR carries it.

        Raises `RejectedInputError` (unreadable) if the value is no integer, or is absent and has no
        default.
        """
        vr, value = self._raw(keyword)
        if value is None or value in (b"", ""):
            if default is None:
                raise unreadable(f"{keyword} is missing")
            return default
        try:
            if isinstance(value, bytes):
                if vr in (None, "US", "SS", "UL", "SL", "UN"):
                    fallback = "<I" if len(value) == 4 else "<H"
                    return int(struct.unpack(_BINARY_FORMATS.get(vr or "", fallback), value)[0])
                value = value.decode("ascii").strip("\0 ")
            return int(value)
        except (struct.error, UnicodeDecodeError, TypeError, ValueError):
            raise unreadable(f"{keyword} is not one integer") from None

    def count(self, keyword: str, default: int) -> int:
        """Return an integer string (VR IS) such as Number of Frames."""
        text = self._text(keyword).strip()
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise unreadable(f"{keyword} is not an integer") from None

    def numbers(self, keyword: str) -> list[float]:
        """Return the decimal values (VR DS) that are numbers; 'NaN' is one, 'abc' is left out."""
        numbers = []
        for part in self._text(keyword).split("\\"):
            try:
                numbers.append(float(part.strip("\0 ")))
            except ValueError:
                continue
        return numbers

    def number(self, keyword: str, default: float) -> float:
        """Return the first decimal value, or the default."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else default

    def words(self, keyword: str) -> bytes:
        """Return 16-bit words as little-endian bytes, for LUT descriptors and data."""
        _, value = self._raw(keyword)
        if isinstance(value, bytes):
            return value
        try:
            values = [value] if isinstance(value, int) else list(value or ())
            return b"".join(struct.pack("<H", int(v) & 0xFFFF) for v in values)
        except (TypeError, ValueError):
            return b""

    def item(self, keyword: str) -> Attributes | None:
        """Return the first item of a sequence, or None where there is none to read."""
        try:
            sequence = self._dataset[keyword].value
            return Attributes(sequence[0]) if len(sequence) else None
        except Exception:  # noqa: BLE001 - whatever pydicom trips over, there is no item to read
            return None

    def _text(self, keyword: str) -> str:
        _, value = self._raw(keyword)
        if isinstance(value, bytes):
            return value.decode("latin-1").strip("\0 ")
        if value is None:
            return ""
        if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
            return "\\".join(str(part) for part in value)
        return str(value)

    def _raw(self, keyword: str) -> tuple[str | None, Any]:
        """Return (VR, bytes as they stand in the file), or the value if pydicom converted it."""
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in self._dataset:
            return None, None
        try:
            element = self._dataset.get_item(tag)
            return element.VR, element.value
        except Exception:  # noqa: BLE001 - a sequence's items are converted early, by their stated VR
            return None, None
