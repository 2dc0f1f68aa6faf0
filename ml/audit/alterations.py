"""Alter an original image as hospitals, archives and cheats do.

Every function takes a film and gives its image changed, float32 (h, w) in [0, 1]. What lies inside the
lungs stays as it is unless the alteration is about the lungs or about the whole image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import cv2
import numpy as np

from ml.audit.network import Film
from ml.contracts import Box, FloatImage

CORNER = 0.22
"""Side of what counts as a corner, as a share of the image's or the lung box's side."""

DETAIL = 0.09
"""Details outside the lungs that are narrower than this share of the long side are erased as markers."""

MARKER = 0.07
"""Height of an inserted letter or rectangle, as a share of the long side."""

BORDER = 0.04
"""Width of an inserted frame, as a share of the shorter side."""

Alteration = Callable[[Film], FloatImage]


# ------------------------------------------------------------------------------------------- lungs


def lungs_blackened(film: Film) -> FloatImage:
    """Paint the lungs black."""
    return np.where(film.lungs, np.float32(0.0), film.image)


def lungs_levelled(film: Film) -> FloatImage:
    """Paint the lungs in their own mean grey: nothing is left in them, and the contrast around them stays."""
    return np.where(film.lungs, _lung_grey(film), film.image)


def surroundings_greyed(film: Film) -> FloatImage:
    """Paint everything but the lungs in their own mean grey."""
    return np.where(film.lungs, film.image, _lung_grey(film))


# ----------------------------------------------------------------------------- corners and markers


def corners_erased(film: Film, *, of_lungs: bool) -> FloatImage:
    """Paint the four corners of the image, or of the lungs' box, in their own median grey."""
    height, width = film.image.shape
    erased = film.image.copy()
    for corner in _corners(film.box if of_lungs else Box(0, 0, height, width)):
        part = erased[corner.top : corner.bottom, corner.left : corner.right]
        outside = ~film.lungs[corner.top : corner.bottom, corner.left : corner.right]
        if outside.any():
            part[outside] = np.median(part[outside])
    return erased


def details_erased(film: Film) -> FloatImage:
    """Take small bright and dark things outside the lungs away: letters, arrows, clips, wherever they are."""
    side = max(3, round(DETAIL * max(film.image.shape)) | 1)
    kernel = np.ones((side, side), np.uint8)
    opened = cv2.morphologyEx(film.image, cv2.MORPH_OPEN, kernel)
    smooth = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
    return np.where(film.lungs, film.image, np.asarray(smooth, np.float32))


def letter_inserted(film: Film, *, letter: str, right: bool) -> FloatImage:
    """Put a side marker, a bright letter in a frame, into an upper corner of the image."""
    height, width = film.image.shape
    side = max(8, round(MARKER * max(height, width)))
    top, edge = round(0.04 * height), round(0.04 * width)
    left = width - edge - side if right else edge
    ink = np.zeros((height, width), np.uint8)
    stroke = max(1, side // 10)
    cv2.rectangle(ink, (left, top), (left + side - 1, top + side - 1), 255, stroke)
    scale = 0.6 * side / 22  # the font's capitals are 22 pixels high at scale 1
    foot = (left + side // 4, top + round(0.8 * side))
    cv2.putText(ink, letter, foot, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, stroke, cv2.LINE_AA)
    share = ink.astype(np.float32) / np.float32(255)
    return np.where(film.lungs, film.image, film.image * (1 - share) + share)


def rectangle_inserted(film: Film, *, corner: int, grey: float) -> FloatImage:
    """Put a rectangle outside the lungs into a corner of their box; corners count from the upper left."""
    side = max(4, round(MARKER * max(film.image.shape)))
    place = list(_corners(film.box))[corner]
    top = place.top if corner < 2 else place.bottom - side
    left = place.left if corner % 2 == 0 else place.right - side
    drawn = film.image.copy()
    cv2.rectangle(drawn, (left, top), (left + side - 1, top + side - 1), grey, -1)
    return np.where(film.lungs, film.image, drawn)


def border_inserted(film: Film) -> FloatImage:
    """Lay a black frame over the image's edges."""
    width = max(1, round(BORDER * min(film.image.shape)))
    framed = np.zeros_like(film.image)
    framed[width:-width, width:-width] = film.image[width:-width, width:-width]
    return np.where(film.lungs, film.image, framed)


MARKERS: Mapping[str, Alteration] = {
    "image corners erased": partial(corners_erased, of_lungs=False),
    "lung box corners erased": partial(corners_erased, of_lungs=True),
    "details outside the lungs erased": details_erased,
    "letter L inserted": partial(letter_inserted, letter="L", right=True),
    "letter R inserted": partial(letter_inserted, letter="R", right=False),
    "white rectangle beside an apex": partial(rectangle_inserted, corner=0, grey=1.0),
    "black rectangle beside a base": partial(rectangle_inserted, corner=3, grey=0.0),
    "black border": border_inserted,
}


# --------------------------------------------------------------------------------------- stability


def jpeg(film: Film, *, quality: int) -> FloatImage:
    """Compress to JPEG and back."""
    _, stream = cv2.imencode(".jpg", _eight_bits(film.image), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def gamma(film: Film, *, exponent: float) -> FloatImage:
    """Raise greys to a power; below 1 brightens."""
    return np.power(film.image, np.float32(exponent), dtype=np.float32)


def rotated(film: Film, *, degrees: float) -> FloatImage:
    """Turn around the middle; the edge is continued outwards."""
    height, width = film.image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(film.image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.float32)


def reduced(film: Film, *, scale: float) -> FloatImage:
    """Reduce by area to a share of the sides."""
    height, width = (max(16, round(scale * side)) for side in film.image.shape)
    return np.asarray(cv2.resize(film.image, (width, height), interpolation=cv2.INTER_AREA), np.float32)


DISTURBANCES: Mapping[str, Alteration] = {
    "JPEG, quality 50": partial(jpeg, quality=50),
    "JPEG, quality 70": partial(jpeg, quality=70),
    "gamma 0.8": partial(gamma, exponent=0.8),
    "gamma 1.25": partial(gamma, exponent=1.25),
    "turned by 5° to the left": partial(rotated, degrees=5.0),
    "turned by 5° to the right": partial(rotated, degrees=-5.0),
    "half the resolution": partial(reduced, scale=0.5),
}


def _corners(box: Box) -> Iterator[Box]:
    """Give a box's corners: upper left, upper right, lower left, lower right."""
    height, width = (max(1, round(CORNER * side)) for side in (box.bottom - box.top, box.right - box.left))
    for top in (box.top, box.bottom - height):
        for left in (box.left, box.right - width):
            yield Box(top, left, top + height, left + width)


def _lung_grey(film: Film) -> np.float32:
    return np.float32(film.image[film.lungs].mean()) if film.lungs.any() else np.float32(0.5)


def _eight_bits(image: FloatImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
