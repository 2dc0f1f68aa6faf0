"""Text and identifiers from strangers, made safe for a column, a page and a log line."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time

from pydicom.charset import decode_bytes, python_encoding

UID_LENGTH = 64
"""PS3.5 9.1: a UID has at most 64 characters."""

# PS3.5 9.1 forbids a leading zero in a component as well; scanners in service write them, they harm
# nothing, and refusing them would refuse patients.
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_DELIMITERS = {0x5C, 0x5E, 0x3D}  # backslash, caret and equals end an escape sequence (PS3.5 6.1.2.5.3)
_STAND_ALONE = ("UTF8", "GB18030", "GBK")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def uid_is_valid(value: str) -> bool:
    """Say whether the text is a UID: digits in components joined by dots, 64 characters at most."""
    return len(value) <= UID_LENGTH and _UID.fullmatch(value) is not None


def clean_text(value: str, length: int) -> str:
    """Remove control, bidirectional, invisible and unassigned characters and cut to `length` characters."""
    kept = (" " if char in "\t\r\n" else char for char in value[: 8 * length])
    return "".join(c for c in kept if unicodedata.category(c) not in _INVISIBLE).strip()[:length].strip()


def python_encodings(specific_character_set: bytes) -> list[str]:
    """Return the Python encodings that (0008,0005) names; what cannot be understood means Latin-1."""
    terms = specific_character_set[:256].decode("ascii", "replace").strip("\0 ").split("\\")
    known = [python_encoding[term.strip()] for term in terms if term.strip() in python_encoding]
    alone = [name for name in known if name in _STAND_ALONE]
    return alone[:1] or known or ["iso8859"]


def decoded_text(value: bytes, encodings: list[str], length: int) -> str:
    """Decode a text value, whatever it claims to be, and clean it to `length` characters."""
    try:
        if encodings[0] in _STAND_ALONE:  # these know no escape sequences, so that an escape is a character
            text = value.decode(encodings[0], "replace")
        else:
            text = decode_bytes(value, encodings, _DELIMITERS)
    except (LookupError, ValueError, UserWarning):
        text = value.decode("latin-1")
    return clean_text(text, length)


def dicom_date(value: str) -> date | None:
    """Read a DA value (`YYYYMMDD`, or the retired `YYYY.MM.DD`); None when it is none."""
    digits = value.replace(".", "")
    try:
        return datetime.strptime(digits, "%Y%m%d").date() if len(digits) == 8 else None  # noqa: DTZ007 - a date
    except ValueError:
        return None


def dicom_time(value: str) -> time | None:
    """Read the hours, minutes and seconds of a TM value; None when it is none."""
    digits = value.replace(":", "").split(".")[0]
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (2, 4, 6):
        return None
    try:
        return time(int(digits[:2]), int(digits[2:4] or 0), min(int(digits[4:6] or 0), 59))
    except ValueError:
        return None
