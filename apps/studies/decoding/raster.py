"""PNG and JPEG files of radiographs, read by Pillow."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from apps.studies.decoding.limits import check_size
from apps.studies.decoding.luts import Presentation, StoredImage, StoredRange
from apps.studies.decoding.rejection import refused, unreadable
from ml.contracts import RadiographFacts, RejectionCode

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

_CHROMA_THRESHOLD = 40
_COLOURED_SHARE = 0.5


def read_raster(data: bytes) -> tuple[Presentation, RadiographFacts]:
    """Decode a PNG or JPEG file to grey, upright by its EXIF orientation.

    Raises `RejectedInputError`: unreadable, poor_quality (too small), not_radiograph (in colour).
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as file:
            check_size(file.height, file.width)
            if getattr(file, "n_frames", 1) != 1:
                raise unreadable("The file holds more than one image")
            mode = file.mode
            pixels = _grey(ImageOps.exif_transpose(file))
    except UnidentifiedImageError:
        raise unreadable("The file is not a complete PNG or JPEG image") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise unreadable(f"The image cannot be decoded ({type(error).__name__})") from None
    bits = 16 if pixels.dtype == np.uint16 else 8
    facts = RadiographFacts(
        photometric_interpretation=f"PIL {mode}",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        bits_stored=bits,
        file_format="jpeg" if isinstance(file, JpegImageFile) else "png",
    )
    return Presentation(pixels, StoredRange(0, (1 << bits) - 1), None, False, ()), facts


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ITU-R BT.601 luma of uint8 (rows, columns, 3).

    Raises `RejectedInputError` (not_radiograph) when most of the image is in strong colour; an
    arrow or a tint is not.
    """
    sample = rgb[::4, ::4].astype(np.int16)
    chroma = sample.max(axis=2) - sample.min(axis=2)
    if float(np.mean(chroma > _CHROMA_THRESHOLD)) > _COLOURED_SHARE:
        raise refused(RejectionCode.NOT_RADIOGRAPH, "The image is in colour; a radiograph is grey")
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)


def _grey(image: Image.Image) -> StoredImage:
    if image.mode.startswith("I;16"):
        return np.array(image, dtype=np.uint16)
    if image.mode == "I":
        return np.array(image, dtype=np.int64).clip(0, 65_535).astype(np.uint16)
    if image.mode in ("L", "LA", "1"):
        return np.array(image.convert("L"), dtype=np.uint8)
    return luminance(np.array(image.convert("RGB")))
