"""The fine anatomy that principal components blur away: ribs, clavicles, vertebrae, vessels.

Drawn by chance into the frame that the components live in, and added faintly. Coordinates are
fractions of the frame, (0, 0) at the top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

CANVAS = 640

Curve = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Ribcage:
    """Where a family's chest wall and lungs are."""

    top: float
    bottom: float
    reach_top: float
    reach_bottom: float
    """Distance of the chest wall from the middle, at the top and at the bottom."""
    ribs: int
    slope: float
    """How far a rib falls from the spine to the side."""
    hilum: float


RIBCAGES = {
    "adult": Ribcage(0.10, 0.74, 0.20, 0.38, ribs=10, slope=0.085, hilum=0.42),
    "child": Ribcage(0.07, 0.80, 0.17, 0.39, ribs=10, slope=0.045, hilum=0.42),
}


def draw_anatomy(
    chance: np.random.Generator, cage: Ribcage, *, bone: float, vessel: float
) -> NDArray[np.float64]:
    """Return what to add to an image of (CANVAS, CANVAS); `bone` and `vessel` are the greatest greys."""
    bones = Image.new("L", (CANVAS, CANVAS), 0)
    vessels = Image.new("L", (CANVAS, CANVAS), 0)
    for side in (-1, 1):
        _draw_ribs(bones, chance, cage, side)
        _draw_clavicle(bones, chance, cage, side)
        _draw_vessels(vessels, chance, cage, side)
    _draw_spine(bones, chance, cage)
    soft = np.asarray(bones.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float64) / 255
    fine = np.asarray(vessels.filter(ImageFilter.GaussianBlur(1.1)), dtype=np.float64) / 255
    return bone * chance.uniform(0.85, 1.15) * soft + vessel * chance.uniform(0.85, 1.15) * fine


def draw_consolidation(chance: np.random.Generator, cage: Ribcage, *, patches: int) -> NDArray[np.float64]:
    """Return patches of airless lung to add to an image of (CANVAS, CANVAS), each 0 to 1."""
    image = Image.new("L", (CANVAS, CANVAS), 0)
    pen = ImageDraw.Draw(image)
    sides = chance.permutation([-1, 1])
    for number in range(patches):
        side = sides[number % 2]
        depth = chance.uniform(0.35, 0.85)
        reach = cage.reach_top + (cage.reach_bottom - cage.reach_top) * depth
        centre = np.array(
            [0.5 + side * chance.uniform(0.45, 0.7) * reach, cage.top + (cage.bottom - cage.top) * depth]
        )
        for _ in range(9):
            x, y = (centre + chance.normal(0, (0.028, 0.038), 2)) * CANVAS
            radius = chance.uniform(0.018, 0.045) * CANVAS
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=int(chance.integers(150, 256)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(13)), dtype=np.float64) / 255


def _draw_ribs(image: Image.Image, chance: np.random.Generator, cage: Ribcage, side: int) -> None:
    """Draw posterior ribs from the spine to the side, and their faint anterior ends coming back."""
    t = np.linspace(0, 1, 40)
    step = (cage.bottom - cage.top) / cage.ribs
    wobble = chance.normal(0, 0.004, cage.ribs)
    for number in range(cage.ribs):
        start = cage.top + step * (number + 0.15) + wobble[number]
        depth = float(np.clip((start - cage.top) / (cage.bottom - cage.top), 0, 1))
        reach = cage.reach_top + (cage.reach_bottom - cage.reach_top) * depth**0.7
        fall = cage.slope * (0.6 + 0.8 * depth)
        x = 0.5 + side * (0.035 + (reach - 0.035) * np.sin(t * np.pi / 2))
        y = start + fall * t**2.2 - 0.022 * np.sin(np.pi * t) * (1 - 0.4 * depth)
        _band(image, np.stack([x, y], 1), chance.uniform(11, 13.5), 112, 160)
        back = 0.5 + side * (reach - (reach - 0.12) * t)
        down = start + fall + step * 0.35 + (0.05 + 0.05 * depth) * t**1.2
        if 0 < number < cage.ribs - 3:
            _band(image, np.stack([back, down], 1), chance.uniform(9, 11), 45, 71)


def _draw_clavicle(image: Image.Image, chance: np.random.Generator, cage: Ribcage, side: int) -> None:
    t = np.linspace(0, 1, 30)
    x = 0.5 + side * (0.045 + 0.30 * t)
    y = cage.top + 0.055 - 0.075 * t + 0.018 * np.sin(2 * np.pi * t) + chance.normal(0, 0.006)
    _band(image, np.stack([x, y], 1), 12.5, 112, 158)


def _draw_spine(image: Image.Image, chance: np.random.Generator, cage: Ribcage) -> None:
    """Draw end plates and pedicles, a vertebra at each rib."""
    pen = ImageDraw.Draw(image)
    step = (cage.bottom - cage.top) / cage.ribs
    for number in range(-1, cage.ribs + 3):
        y = (cage.top + step * (number + 0.5)) * CANVAS + chance.normal(0, 1)
        for side in (-1, 1):
            x = (0.5 + side * 0.022) * CANVAS
            pen.ellipse((x - 4, y - 6, x + 4, y + 6), fill=90)
        edge = y + step * CANVAS / 2
        pen.line((0.467 * CANVAS, edge, 0.533 * CANVAS, edge + chance.normal(0, 1)), fill=120, width=3)


def _draw_vessels(image: Image.Image, chance: np.random.Generator, cage: Ribcage, side: int) -> None:
    hilum = np.array([0.5 + side * 0.085, cage.hilum])
    for _ in range(13):
        angle = chance.uniform(-1.25, 1.35)
        start = hilum + chance.normal(0, 0.018, 2)
        _branch(image, chance, start, angle, side, width=chance.uniform(5.0, 7.5), length=0.075)


def _branch(
    image: Image.Image,
    chance: np.random.Generator,
    start: Curve,
    angle: float,
    side: int,
    *,
    width: float,
    length: float,
) -> None:
    """Draw a vessel that runs outward, thins, and divides."""
    if width < 1.2:
        return
    end = start + length * np.array([side * np.cos(angle), np.sin(angle)])
    ends = [float(value) * CANVAS for value in (*start, *end)]
    ImageDraw.Draw(image).line(ends, fill=min(255, int(70 + 22 * width)), width=max(1, round(width)))
    for turn in (chance.uniform(0.12, 0.5), -chance.uniform(0.12, 0.5)):
        _branch(
            image,
            chance,
            end,
            angle + turn,
            side,
            width=width * chance.uniform(0.62, 0.78),
            length=length * chance.uniform(0.62, 0.95),
        )


def _band(image: Image.Image, curve: Curve, width: float, inner: int, edge: int) -> None:
    """Draw a flat bone seen from the side: bright margins, fainter middle. Later bones add to earlier."""
    layer = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(layer)
    points = [(float(x) * CANVAS, float(y) * CANVAS) for x, y in curve]
    pen.line(points, fill=edge, width=round(width * 1.5), joint="curve")
    pen.line(points, fill=inner, width=round(width * 1.5 - 6), joint="curve")
    image.paste(ImageChops.add(image, layer, scale=1.0))
