"""Paper, photographs, textures, test patterns and empty exposures, drawn by chance."""

from __future__ import annotations

import cv2
import numpy as np

from ml.contracts import FloatImage
from ml.datasets.unfit.canvas import (
    SIDE,
    ellipse,
    filled,
    finished,
    polygon,
    smooth_noise,
    standardised,
    write_text,
)

_WORDS = ["chest", "report", "the", "of", "and", "no", "patient", "date", "impression", "history"]
_WORDS += ["page", "table", "acute", "within", "normal", "limits"]


def draw_page(chance: np.random.Generator) -> FloatImage:
    """Draw a page or screen of text, dark on light or light on dark."""
    paper = chance.uniform(0.75, 1.0)
    page = np.full((360, 256), paper, np.float32)
    scale, step = chance.uniform(0.25, 0.6), int(chance.integers(9, 22))
    for y in range(int(chance.integers(12, 50)), 350, step):
        if chance.random() < 0.85:
            words = " ".join(chance.choice(_WORDS, int(chance.integers(2, 9))))
            write_text(page, words, (int(chance.integers(8, 30)), y), scale=scale, grey=0.1)
    if chance.random() < 0.3:
        cv2.rectangle(page, (30, 100), (226, 220), chance.uniform(0, 0.8), -1)
    return finished(page if chance.random() < 0.7 else 1 - page, chance, blur=(0, 0.8))


def draw_ecg(chance: np.random.Generator) -> FloatImage:
    """Draw strips of an electrocardiogram, with or without a grid."""
    page = filled(chance.uniform(0.8, 1.0))
    if chance.random() < 0.7:
        page[:: int(chance.integers(5, 14))] -= 0.15
        page[:, :: int(chance.integers(5, 14))] -= 0.15
    period = chance.uniform(20, 60)
    for base in np.linspace(30, 230, int(chance.integers(2, 8))):
        x = np.arange(SIDE)
        beat = np.exp(-(((x % period) - 10) ** 2) / 4) - 0.3 * np.exp(-(((x % period) - 14) ** 2) / 6)
        y = base - chance.uniform(8, 25) * beat + chance.normal(0, 0.5, SIDE)
        cv2.polylines(page, [np.stack([x, y], axis=1).astype(np.int32)], False, 0.05, 1, cv2.LINE_AA)
    return finished(page if chance.random() < 0.7 else 1 - page, chance, blur=(0, 0.6))


def draw_scene(chance: np.random.Generator) -> FloatImage:
    """Draw what photographs are like: shapes that hide one another, shaded, of every size (Lee 2001)."""
    image = filled(chance.random())
    for _ in range(int(chance.integers(15, 150))):
        size = min(120.0, 4 / chance.random() ** 0.8)
        centre = tuple(chance.uniform(0, SIDE, 2))
        if chance.random() < 0.6:
            ellipse(
                image,
                centre,
                tuple(size * chance.uniform(0.4, 1, 2)),
                chance.random(),
                angle=chance.uniform(0, 180),
            )
        else:
            corners = np.array(centre) + chance.uniform(-size, size, (int(chance.integers(3, 6)), 2))
            polygon(image, [tuple(corner) for corner in corners], chance.random())
    shading = 1 + chance.uniform(0, 0.5) * smooth_noise(chance, 60)
    texture = chance.uniform(0, 0.15) * smooth_noise(chance, chance.uniform(1, 4))
    return finished(image * shading + texture, chance, blur=(0.3, 3), turn=180)


def draw_texture(chance: np.random.Generator) -> FloatImage:
    """Draw a noise field whose spectrum falls with a random power of the frequency: skin, cloth, fog."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, np.newaxis], np.fft.rfftfreq(SIDE)[np.newaxis])
    power = (frequency + 1 / SIDE) ** -chance.uniform(0.5, 2.5)
    spectrum = np.fft.rfft2(chance.normal(size=(SIDE, SIDE))) * power
    return finished(standardised(np.fft.irfft2(spectrum, (SIDE, SIDE))) * 0.2 + 0.5, chance, blur=(0, 1))


def draw_pattern(chance: np.random.Generator) -> FloatImage:
    """Draw a test pattern: ramps, stripes, rings or squares."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    cycles = chance.uniform(0.5, 12)
    waves = {
        "ramp": columns * chance.uniform(-1, 1) + rows * chance.uniform(-1, 1) + 0.5,
        "stripes": 0.5 + 0.5 * np.sin(2 * np.pi * cycles * columns),
        "rings": 0.5 + 0.5 * np.cos(2 * np.pi * cycles * np.hypot(rows, columns)),
        "squares": (np.floor(cycles * rows) + np.floor(cycles * columns)) % 2,
    }
    image = waves[str(chance.choice(list(waves)))]
    return finished(image.astype(np.float32), chance, blur=(0, 4), turn=180)


def draw_exposure_of_nothing(chance: np.random.Generator) -> FloatImage:
    """Draw a plate without an object, uneven and grainy as such plates are."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    heel = chance.uniform(-0.2, 0.2) * rows + chance.uniform(-0.2, 0.2) * columns
    image = chance.uniform(0.1, 0.9) + heel + 0.02 * smooth_noise(chance, 40)
    if chance.random() < 0.3:
        cv2.rectangle(image, (20, 20), (int(chance.integers(120, 236)), 236), chance.random(), -1)
    return np.asarray(
        np.clip(image + chance.normal(0, chance.uniform(0.01, 0.1), image.shape), 0, 1), np.float32
    )
