"""Modality LUT, VOI LUT and presentation: from stored values to grey levels, PS3.3 C.11.

Linear steps commute with averaging, so they are reduced to two numbers, the stored values that
become black and white, and applied to the small image. Tables do not, so they are looked up at
full size. Sign and inversion are settled on integers, which makes an image sent as MONOCHROME1
bit-identical to the same image sent as MONOCHROME2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.studies.decoding.attributes import Attributes

StoredImage = NDArray[Any]
"""uint8, int8, uint16 or int16 of shape (rows, columns)."""

WHITE = 65_535
_STORED_GRID = 1024
"""Window edges are rounded to 1/1024 of a stored value, so that mirroring them is exact."""


@dataclass(frozen=True, slots=True)
class StoredRange:
    """The least and greatest value that the stored bits can hold."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Window:
    """The stored values that become black and white; `sigmoid` bends the way between (C.11.2.1.3.1)."""

    black: float
    white: float
    sigmoid: bool = False

    def mirrored(self, stored_range: StoredRange) -> Window:
        """Return the window of the negative of the image."""
        total = stored_range.low + stored_range.high
        return Window(total - self.white, total - self.black, self.sigmoid)


@dataclass(frozen=True, slots=True)
class Presentation:
    """An image whose tables have been applied, and what is left to do to it."""

    image: StoredImage
    stored_range: StoredRange
    window: Window | None
    """None: nothing states a window."""
    inverted: bool
    """The image is a negative: mirror the stored values, once."""
    warnings: tuple[str, ...]


def present(
    image: StoredImage,
    attributes: Attributes,
    *,
    bits_stored: int,
    signed: bool,
    window: tuple[float, float] | None = None,
) -> Presentation:
    """Apply what cannot wait (tables), and say what can (window, inversion).

    `window` is a (centre, width) in the units after the modality LUT that replaces the object's own
    VOI LUT. Anything unusable in the header is left out with a warning.
    """
    warnings: list[str] = []
    inverted = _is_negative(attributes, warnings)
    stored_range = (
        StoredRange(-(1 << (bits_stored - 1)), (1 << (bits_stored - 1)) - 1)
        if signed
        else StoredRange(0, (1 << bits_stored) - 1)
    )
    slope, intercept = _rescale(attributes, warnings)
    modality_table = _table(attributes.item("ModalityLUTSequence"), signed, "modality LUT", warnings)
    if modality_table is not None:
        image = modality_table.look_up(image)
        stored_range = StoredRange(0, modality_table.nominal_maximum)
        slope, intercept, signed = 1.0, 0.0, False

    if window is None:
        voi_table = _table(attributes.item("VOILUTSequence"), signed or intercept < 0, "VOI LUT", warnings)
        if voi_table is not None:
            image = voi_table.scaled(inverted).look_up(image, slope, intercept)
            return Presentation(image, StoredRange(0, WHITE), Window(0, WHITE), False, tuple(warnings))
        stated = _stated_window(attributes, warnings)
    else:
        stated = _linear_window(*window)
    if stated is not None:
        stated = _to_stored_units(stated, slope, intercept)
    return Presentation(image, stored_range, stated, inverted != (slope < 0), tuple(warnings))


def _is_negative(attributes: Attributes, warnings: list[str]) -> bool:
    """MONOCHROME1 and the shape INVERSE state the same thing; both together invert once."""
    monochrome1 = attributes.text("PhotometricInterpretation") == "MONOCHROME1"
    shape = attributes.text("PresentationLUTShape")
    if (monochrome1 and shape == "IDENTITY") or (not monochrome1 and shape == "INVERSE"):
        warnings.append("Photometric Interpretation and Presentation LUT Shape contradict each other")
    return monochrome1 or shape == "INVERSE"


def _rescale(attributes: Attributes, warnings: list[str]) -> tuple[float, float]:
    slope = attributes.number("RescaleSlope", 1.0)
    intercept = attributes.number("RescaleIntercept", 0.0)
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        warnings.append("Rescale Slope or Intercept is not usable and was left out")
        return 1.0, 0.0
    return slope, intercept


def _stated_window(attributes: Attributes, warnings: list[str]) -> Window | None:
    centres, widths = attributes.numbers("WindowCenter"), attributes.numbers("WindowWidth")
    function = attributes.text("VOILUTFunction") or "LINEAR"
    usable = [
        (centre, width)
        for centre, width in zip(centres, widths, strict=False)
        if math.isfinite(centre) and math.isfinite(width) and width > (1 if function == "LINEAR" else 0)
    ]
    if (centres or widths) and (not usable or usable[0] != (centres[0], widths[0])):
        warnings.append("A window without a usable centre and width was left out")
    if not usable:
        return None
    centre, width = usable[0]
    if function == "LINEAR":
        return _linear_window(centre, width)
    return Window(centre - width / 2, centre + width / 2, sigmoid=function == "SIGMOID")


def _linear_window(centre: float, width: float) -> Window:
    """PS3.3 C.11.2.1.2.1: LINEAR has its edges at c - 0.5 -/+ (w - 1) / 2."""
    half = max(width - 1, 1 / _STORED_GRID) / 2
    return Window(centre - 0.5 - half, centre - 0.5 + half)


def _to_stored_units(window: Window, slope: float, intercept: float) -> Window:
    edges = sorted(
        round((edge - intercept) / slope * _STORED_GRID) / _STORED_GRID
        for edge in (window.black, window.white)
    )
    return Window(edges[0], max(edges[1], edges[0] + 1 / _STORED_GRID), window.sigmoid)


@dataclass(frozen=True, slots=True)
class _Table:
    """A LUT of PS3.3 C.11.1.1 and C.11.2.1.1."""

    first: int
    values: NDArray[np.uint16]
    nominal_maximum: int

    def scaled(self, inverted: bool) -> _Table:
        """Return the table with its output in 0..65535, turned over if `inverted`."""
        outputs = np.minimum(self.values, self.nominal_maximum).astype(np.uint32) * WHITE
        levels = (outputs + self.nominal_maximum // 2) // self.nominal_maximum
        return _Table(self.first, (WHITE - levels if inverted else levels).astype(np.uint16), WHITE)

    def look_up(self, image: StoredImage, slope: float = 1.0, intercept: float = 0.0) -> StoredImage:
        """Return uint16 values of the table at round(stored x slope + intercept), ends extended."""
        bits = image.dtype.itemsize * 8
        patterns = np.arange(1 << bits, dtype=np.int64)
        if image.dtype.kind == "i":
            patterns = np.where(patterns >= 1 << (bits - 1), patterns - (1 << bits), patterns)
        inputs = np.floor(patterns * slope + intercept + 0.5) - self.first
        by_pattern = self.values[np.clip(inputs, 0, len(self.values) - 1).astype(np.intp)]
        found: StoredImage = by_pattern[image.view(np.uint8 if bits == 8 else np.uint16)]
        return found


def _table(item: Attributes | None, signed: bool, name: str, warnings: list[str]) -> _Table | None:
    """Read a LUT item; None with a warning when it is short, empty or impossible."""
    if item is None:
        return None
    descriptor = np.frombuffer(item.words("LUTDescriptor")[:6].ljust(6, b"\0"), "<u2")
    entries = int(descriptor[0]) or 65_536
    first = int(descriptor[1].astype(np.int16)) if signed else int(descriptor[1])
    bits = int(descriptor[2])
    data = item.words("LUTData")
    if len(data) >= 2 * entries:
        values = np.frombuffer(data, "<u2", count=entries)
    elif bits <= 8 and len(data) >= entries:
        # Eight-bit entries may be packed two to a word, PS3.3 C.11.1.1.1.
        values = np.frombuffer(data, np.uint8, count=entries).astype(np.uint16)
    else:
        values = np.empty(0, np.uint16)
    greatest = int(values.max()) if len(values) else 0
    if not 1 <= bits <= 16 or greatest == 0 or int(values.min()) == greatest:
        warnings.append(f"The {name} is not usable and was left out")
        return None
    # A table that states more bits than it uses would come out dark, one that uses more, clipped.
    used = greatest.bit_length()
    return _Table(first, values, (1 << (used if used > bits or used < bits - 1 else bits)) - 1)
