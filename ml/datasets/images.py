"""Read image files strictly: whole, of a known format, and never larger than a radiograph can be."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "PPM")
"""What training reads besides; a format that only one library knows would fail half-way."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".pgm"})
_DRAFT_SIDE = 128


class UnreadableImageError(ValueError):
    """The file is no whole image of a known format; says why, without its path."""


def check_readable(path: Path) -> None:
    """Decode a whole file and forget it; JPEG at an eighth of its size, which reads every byte as well.

    Raises `UnreadableImageError`.
    """
    with _opened(path) as image:
        image.draft("L", (_DRAFT_SIDE, _DRAFT_SIDE))
        image.load()


def read_reduced(data: bytes, *, at_least: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Decode an image's bytes to 8-bit grey and give (height, width) of the original.

    A large JPEG is decoded at a half, a quarter or an eighth, as long as both sides stay above
    `at_least`. Images of 16 bits are stretched from their least to their greatest value. Raises
    `UnreadableImageError`.
    """
    with _opened(BytesIO(data)) as image:
        size = (image.height, image.width)
        image.draft("L", (at_least, at_least))
        if image.mode[0] not in "IF":
            return np.asarray(image.convert("L")), size
        values = np.asarray(image, np.float32)
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / max(high - low, 1.0))).astype(np.uint8), size


@contextmanager
def _opened(source: Path | BytesIO) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF and palettes say nothing about pixels
            with Image.open(source, formats=FORMATS) as image:
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableImageError("it has more pixels than a radiograph can have") from error
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"it is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableImageError(str(error) or type(error).__name__) from error
