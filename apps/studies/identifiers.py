"""UIDs that we make: for pictures, which bring none, and for the files that we write."""

from __future__ import annotations

import hashlib

IMPLEMENTATION_CLASS_UID = "2.25.329300183716422813470243109436519612241"
IMPLEMENTATION_VERSION_NAME = "CXRPLATFORM"


def derived_uid(sha256: str, level: str) -> str:
    """Return the UID of a picture's `study`, `series` or `instance`, always the same for the same bytes.

    PS3.5 B.2: `2.25.` and 128 bits as a decimal number.
    """
    bits = hashlib.sha256(f"{level}:{sha256}".encode()).digest()[:16]
    return f"2.25.{int.from_bytes(bits, 'big')}"
