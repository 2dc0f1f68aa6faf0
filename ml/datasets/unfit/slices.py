"""Sections as CT, MR and ultrasound show them, drawn by chance."""

from __future__ import annotations

import cv2
import numpy as np

from ml.contracts import FloatImage
from ml.datasets.unfit.canvas import SIDE, Point, ellipse, filled, finished, polygon, smooth_noise


def draw_axial_slice(chance: np.random.Generator) -> FloatImage:
    """Draw a CT slice across the chest: body, two dark lungs, heart, spine, ribs in cross-section."""
    image = filled(chance.choice((0.0, 0.0, 0.1, chance.uniform(0, 0.3))))
    body, lung, bone = chance.uniform(0.4, 0.95), chance.uniform(0, 0.35), chance.uniform(0.85, 1.0)
    wide, high = chance.uniform(90, 150), chance.uniform(65, 140)
    x, y = 128 + chance.normal(0, 6), 128 + chance.normal(0, 8)
    ellipse(image, (x, y), (wide, high), body)
    ellipse(image, (x, y), (0.93 * wide, 0.9 * high), body * chance.uniform(0.85, 1.1))
    for side in (-1, 1):
        reach = chance.uniform(0.32, 0.42)
        centre = x + side * chance.uniform(0.42, 0.5) * wide, y + chance.normal(0, 0.03) * high
        ellipse(image, centre, (reach * wide, chance.uniform(0.55, 0.75) * high), lung)
        _vessels(image, chance, centre, (0.9 * reach * wide, 0.5 * high), body)
    heart = x + chance.uniform(0, 0.15) * wide, y - chance.uniform(-0.1, 0.3) * high
    ellipse(image, heart, (chance.uniform(0.2, 0.4) * wide, chance.uniform(0.25, 0.45) * high), body)
    ellipse(image, (x, y + 0.58 * high), (0.13 * wide, 0.17 * high), bone)
    ellipse(image, (x, y + 0.8 * high), (0.04 * wide, 0.14 * high), bone)
    for angle in np.linspace(0, 2 * np.pi, int(chance.integers(10, 20))):
        spot = x + 0.86 * wide * np.sin(angle), y + 0.86 * high * np.cos(angle)
        ellipse(image, spot, (chance.uniform(3, 10), chance.uniform(2, 5)), bone, angle=-np.rad2deg(angle))
    if chance.random() < 0.5:
        cv2.ellipse(image, (int(x), int(y - 30)), (140, int(high + 50)), 0, 30, 150, 0.4, 3, cv2.LINE_AA)
    if chance.random() < 0.3:
        image *= _disc(chance.uniform(118, 130))
    return finished(image, chance, blur=(0.3, 1.2))


def draw_coronal_slice(chance: np.random.Generator) -> FloatImage:
    """Draw a CT slice along the chest: sharp dark lungs with bright vessels, even tissue around them."""
    image = filled(chance.uniform(0, 0.2))
    body, lung = chance.uniform(0.55, 1.0), chance.uniform(0, 0.35)
    half = chance.uniform(75, 128)
    trunk = [(-0.4, -128), (0.4, -128), (0.5, -100), (1, -70), (1, 128), (-1, 128), (-1, -70), (-0.5, -100)]
    polygon(image, [(128 + half * a, 128 + b) for a, b in trunk], body)
    for side in (-1, 1):
        floor = chance.uniform(50, 115)
        inner, outer = chance.uniform(0.06, 0.25), chance.uniform(0.75, 0.92)
        shape = [(inner, -105), (0.45, -115), (0.75, -60), (outer, floor), (0.5, floor - 35), (inner, floor)]
        polygon(image, [(128 + side * half * a, 128 + b) for a, b in shape], lung)
        _vessels(image, chance, (128 + side * 0.45 * half, 128), (0.35 * half, 85), body)
    for y in range(20, 250, int(chance.integers(16, 26))):
        for side in (-1, 1):
            ellipse(image, (128 + side * 0.96 * half, y), (5, 4), 1.0)
    if chance.random() < 0.5:
        for y in range(10, 250, 18):
            ellipse(image, (128, y), (10, 7), chance.uniform(0.85, 1.0))
    return finished(image, chance, blur=(0.3, 1.0))


def draw_brain_slice(chance: np.random.Generator) -> FloatImage:
    """Draw a slice of a head as MR and CT show it: rim, folds, ventricles."""
    image = filled(0.0)
    wide, high = chance.uniform(75, 100), chance.uniform(90, 120)
    ellipse(image, (128, 128), (wide, high), chance.uniform(0.5, 1.0))
    ellipse(image, (128, 128), (0.93 * wide, 0.93 * high), chance.uniform(0, 0.2))
    folds = 0.5 + chance.uniform(0.15, 0.4) * np.sign(smooth_noise(chance, chance.uniform(3, 6)))
    inside = filled(0.0)
    ellipse(inside, (128, 128), (0.88 * wide, 0.88 * high), 1.0)
    image = np.where(inside > 0, folds, image).astype(np.float32)
    for side in (-1, 1):
        centre = (128 + side * 14, 120)
        ellipse(image, centre, (8, chance.uniform(15, 32)), chance.uniform(0, 1), angle=side * 15)
    return finished(image, chance, blur=(0.8, 2.0))


def draw_ultrasound(chance: np.random.Generator) -> FloatImage:
    """Draw a fan of speckle on black."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    apex = chance.uniform(-80, 10)
    distance = np.hypot(rows - apex, columns - 128)
    angle = np.abs(np.arctan2(columns - 128, rows - apex))
    fan = (angle < chance.uniform(0.4, 0.8)) & (distance > chance.uniform(20, 100) - apex / 2)
    fan &= distance < 240 - apex
    speckle = np.abs(smooth_noise(chance, 1.0)) * (0.5 + 0.5 * smooth_noise(chance, 20))
    return finished(np.where(fan, np.abs(speckle), 0).astype(np.float32), chance, blur=(0.3, 0.8))


def _vessels(
    image: FloatImage, chance: np.random.Generator, centre: Point, reach: Point, grey: float
) -> None:
    """Sprinkle the cross-sections of vessels into a lung, and sometimes haze."""
    for _ in range(int(chance.integers(15, 70))):
        spot = centre[0] + chance.normal(0, 0.4) * reach[0], centre[1] + chance.normal(0, 0.45) * reach[1]
        ellipse(image, spot, (chance.uniform(1, 3), chance.uniform(1, 3)), grey * chance.uniform(0.5, 1))
    if chance.random() < 0.4:
        spot = centre[0] + chance.normal(0, 0.3) * reach[0], centre[1] + chance.normal(0, 0.4) * reach[1]
        ellipse(image, spot, tuple(chance.uniform(8, 22, 2)), grey * chance.uniform(0.4, 0.8))


def _disc(radius: float) -> FloatImage:
    disc = filled(0.0)
    ellipse(disc, (128, 128), (radius, radius), 1.0)
    return disc
