"""Images drawn by geometry that no classifier of chest radiographs should accept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Drawing = NDArray[Any]
"""Float (rows, columns), about 0 (black) to 1 (white)."""

_CANVAS = 512
_WORDS = ["radiology", "report", "synthetic", "document", "page", "the", "of", "and", "findings"]
_WORDS += ["technique", "comparison", "none", "impression", "patient", "number", "date", "room", "table"]


def draw_hand(chance: np.random.Generator, size: tuple[int, int]) -> Drawing:
    """Draw a hand on a plate: soft tissue, phalanges, metacarpals, carpals, the end of the forearm."""
    tissue, bone = _canvas(), _canvas()
    wrist = np.array([256.0, 420.0]) + chance.uniform(-12, 12, 2)
    _limb(tissue, wrist, wrist + np.array((0, 140)), 62, 0.30)
    for offset in (-22, 24):
        _bone(bone, wrist + np.array((offset, 30)), wrist + np.array((offset * 1.1, 140)), 17)
    for row in range(2):
        for column in range(4):
            centre = wrist + np.array((-42 + 28 * column, 8 - 26 * row)) + chance.uniform(-3, 3, 2)
            _blob(bone, centre, 14, 0.42)
    angles = np.deg2rad([-52, -16, -4, 8, 21]) + chance.uniform(-0.05, 0.05, 5)
    lengths = (0.78, 1.0, 1.08, 1.0, 0.82)
    for angle, length in zip(angles, lengths, strict=True):
        direction = np.array([np.sin(angle), -np.cos(angle)])
        start = wrist + direction * 42 + np.array((-10 if angle < -0.5 else 0, -8))
        segments = (96, 58, 36, 24) if angle > -0.5 else (66, 46, 30)
        _limb(tissue, start, start + direction * length * (sum(segments) + 14), 25, 0.26)
        for segment in segments:
            end = start + direction * segment * length
            _bone(bone, start + direction * 4, end - direction * 4, 9)
            start = end
    palm = [tuple(wrist + p) for p in ((-66, 10), (-84, -70), (-58, -128), (62, -128), (72, -20), (58, 20))]
    ImageDraw.Draw(tissue).polygon(palm, fill=77)
    image = _array(tissue.filter(ImageFilter.GaussianBlur(5))) + _array(
        bone.filter(ImageFilter.GaussianBlur(1.6))
    )
    return _finished(0.04 + image, size, chance, grain=0.012)


def draw_document(chance: np.random.Generator, size: tuple[int, int]) -> Drawing:
    """Draw a page: paragraphs of small dark print on white."""
    rows, columns = size
    page = Image.new("L", (columns, rows), 244)
    pen = ImageDraw.Draw(page)
    step = max(12, rows // 60)
    margin = columns // 10
    y = margin
    while y < rows - margin:
        if chance.random() < 0.12:
            y += step
            continue
        words = " ".join(str(word) for word in chance.choice(_WORDS, size=60))
        length = int(columns * chance.uniform(0.35, 0.8) / (step * 0.42))
        pen.text((margin, y), words[:length], fill=25, font_size=step * 0.75)
        y += step
    return np.asarray(page, dtype=np.float64) / 255 + chance.normal(0, 0.004, size)


def draw_blank(chance: np.random.Generator, size: tuple[int, int]) -> Drawing:
    """Draw an exposure without an object: a nearly even grey with grain."""
    slope = np.linspace(-0.01, 0.01, size[1])[np.newaxis, :]
    return chance.uniform(0.3, 0.6) + slope + chance.normal(0, 0.004, size)


def draw_ct_slice(chance: np.random.Generator, size: tuple[int, int]) -> Drawing:
    """Draw an axial slice: body, two lungs, heart, spine, sternum, ribs in cross-section, a table."""
    image = _canvas()
    pen = ImageDraw.Draw(image)
    width, height = chance.uniform(215, 235), chance.uniform(150, 170)
    _ellipse(pen, (256, 250), (width, height), 0.62)
    _ellipse(pen, (256, 250), (width - 14, height - 14), 0.50)
    for side in (-1, 1):
        _ellipse(pen, (256 + side * 104, 245), (78, 112), 0.06)
    _ellipse(pen, (272, 225), (62, 66), 0.54)
    _ellipse(pen, (256, 330), (30, 30), 0.92)
    _ellipse(pen, (256, 368), (9, 26), 0.85)
    _ellipse(pen, (256, 112), (28, 9), 0.85)
    for angle in np.linspace(0.3, 2 * np.pi - 0.3, 16):
        centre = 256 + (width - 24) * np.sin(angle), 250 + (height - 22) * np.cos(angle)
        _ellipse(pen, centre, (13, 6), 0.88)
    for _ in range(70):
        side = chance.choice((-1, 1))
        centre = 256 + side * 104 + chance.normal(0, 32), 245 + chance.normal(0, 45)
        _ellipse(pen, centre, (chance.uniform(1, 3.5),) * 2, 0.38)
    pen.arc((30, 330, 482, 520), 20, 160, fill=115, width=5)
    smooth = image.filter(ImageFilter.GaussianBlur(1.4))
    return _finished(_array(smooth), size, chance, grain=0.02)


def _canvas() -> Image.Image:
    return Image.new("L", (_CANVAS, _CANVAS), 0)


def _array(image: Image.Image) -> Drawing:
    return np.asarray(image, dtype=np.float64) / 255


def _finished(image: Drawing, size: tuple[int, int], chance: np.random.Generator, *, grain: float) -> Drawing:
    rows, columns = size
    enlarged = Image.fromarray(image.astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(enlarged, dtype=np.float64) + chance.normal(0, grain, size)


def _ellipse(
    pen: ImageDraw.ImageDraw, centre: tuple[float, float], radii: tuple[float, float], grey: float
) -> None:
    (x, y), (a, b) = centre, radii
    pen.ellipse((x - a, y - b, x + a, y + b), fill=round(grey * 255))


def _blob(image: Image.Image, centre: Drawing, radius: float, grey: float) -> None:
    _ellipse(ImageDraw.Draw(image), (float(centre[0]), float(centre[1])), (radius, radius), grey)


def _limb(image: Image.Image, start: Drawing, end: Drawing, width: float, grey: float) -> None:
    pen = ImageDraw.Draw(image)
    pen.line([*map(float, start), *map(float, end)], fill=round(grey * 255), width=int(2 * width))
    for point in (start, end):
        _ellipse(pen, (float(point[0]), float(point[1])), (width, width), grey)


def _bone(image: Image.Image, start: Drawing, end: Drawing, width: float) -> None:
    """Draw a long bone: dense cortex, thinner marrow, wider ends."""
    _limb(image, start, end, width, 0.46)
    _limb(image, start, end, width * 0.5, 0.32)
    for point in (start, end):
        _blob(image, point, width * 1.25, 0.42)
