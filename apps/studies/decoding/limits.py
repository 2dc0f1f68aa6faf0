"""What is refused before anything is allocated."""

from __future__ import annotations

from apps.studies.decoding.rejection import refused, unreadable
from ml.contracts import RejectionCode

MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024
MIN_SHORT_SIDE = 128
"""Below this no lung detail is left; the smallest image the model has seen is 156 pixels wide."""


def check_size(rows: int, columns: int) -> None:
    """Refuse an impossible, huge or tiny image.

    Raises `RejectedInputError`: unreadable, or poor_quality when it is merely too small.
    """
    if rows <= 0 or columns <= 0:
        raise unreadable(f"The image is {columns} x {rows} pixels")
    if rows * columns > MAX_PIXELS:
        raise unreadable(f"The image has {rows * columns} pixels, at most {MAX_PIXELS} are accepted")
    if min(rows, columns) < MIN_SHORT_SIDE:
        raise refused(
            RejectionCode.POOR_QUALITY,
            f"The image is {columns} x {rows} pixels, at least {MIN_SHORT_SIDE} are needed each way",
        )
