"""Good radiographs made unfit: turned, inverted, cut, burnt out, smeared, mounted, photographed.

Their texture, exposure and sources are those of the good ones, so nothing but the defect tells them
apart. Every function takes equalised images, float32 (height, width) in [0, 1], and returns one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from ml.contracts import FloatImage
from ml.datasets.unfit.canvas import write_text

MOST_LUNG_LEFT = 0.5
"""Share of the lungs that a cut image may still show and count as unfit."""
USUAL_LUNGS = ((0.12, 0.46), (0.54, 0.88))
"""Left and right edges of the two lungs, as shares of the width."""
CUT_ATTEMPTS = 40
GLARE_SIGMA = 40.0


def turned(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Turn by a quarter, a half or a slant of 35 to 80 degrees, or put it upside down."""
    how = chance.integers(6)
    if how < 3:
        return np.ascontiguousarray(np.rot90(image, int(how) + 1))
    if how == 3:
        return np.ascontiguousarray(image[::-1])
    height, width = image.shape
    slant = chance.uniform(35, 80) * chance.choice((-1, 1))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), slant, chance.uniform(0.6, 0.9))
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.float32)


def inverted(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Swap black and white, as MONOCHROME1 read as MONOCHROME2 does."""
    return np.asarray((1 - image) ** chance.uniform(0.6, 1.6), np.float32)


def cut(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Keep a part that shows at most `MOST_LUNG_LEFT` of the lungs: half a chest, a shoulder, a detail.

    Where the lungs are is taken from where they usually are.
    """
    height, width = image.shape
    lungs = np.zeros(image.shape, np.bool_)
    for left, right in USUAL_LUNGS:
        lungs[height // 6 : (3 * height) // 4, int(left * width) : int(right * width)] = True
    most = MOST_LUNG_LEFT * lungs.sum()
    for _ in range(CUT_ATTEMPTS):
        tall, wide = chance.uniform(0.25, 1.0), chance.uniform(0.25, 0.8)
        if chance.random() < 0.3:
            tall, wide = wide, tall
        rows, columns = int(tall * height), int(wide * width)
        top, left = int(chance.integers(height - rows + 1)), int(chance.integers(width - columns + 1))
        window = slice(top, top + rows), slice(left, left + columns)
        if max(rows, columns) < 1.9 * min(rows, columns) and lungs[window].sum() < most:
            return np.ascontiguousarray(image[window])
    return np.ascontiguousarray(image[:, : width // 2])


def burnt_out(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Clip all but 3 to 20 percent of the pixels: nearly everything is black or white."""
    low = chance.uniform(1, 79)
    darkest, brightest = np.percentile(image, (low, low + chance.uniform(3, 20)))
    return np.asarray(np.clip((image - darkest) / max(brightest - darkest, 1e-3), 0, 1), np.float32)


def smeared(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Blur by 3 to 6 percent of the width, evenly or along the patient's movement."""
    width = chance.uniform(0.03, 0.06) * image.shape[1]
    along = width * (chance.uniform(2, 3) if chance.random() < 0.4 else 1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), width, sigmaY=along), np.float32)


def noisy(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Drown the image in noise two to five times as strong as its own contrast."""
    grain = chance.normal(size=image.shape).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), chance.uniform(0.5, 3)), np.float32)
    grain *= image.std() / max(float(grain.std()), 1e-6) * np.float32(chance.uniform(2, 5))
    mixed = image + grain
    low, high = np.percentile(mixed, (1, 99))
    return np.asarray(np.clip((mixed - low) / max(high - low, 1e-3), 0, 1), np.float32)


def mounted(images: Sequence[FloatImage], chance: np.random.Generator) -> FloatImage:
    """Put two to six radiographs side by side on one sheet."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (1, 3), (2, 3))[int(chance.integers(5))]
    gap, side = int(chance.integers(0, 14)), 384 // max(rows, columns)
    tall = int(side * chance.uniform(0.8, 1.4))
    sheet = np.full((rows * (tall + gap), columns * (side + gap)), chance.choice((0.0, 1.0)), np.float32)
    for row in range(rows):
        for column in range(columns):
            image = images[int(chance.integers(len(images)))]
            y, x = row * (tall + gap), column * (side + gap)
            sheet[y : y + tall, x : x + side] = cv2.resize(image, (side, tall), interpolation=cv2.INTER_AREA)
    return sheet


def captured(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Show it small on a screen or page, with bars, buttons and text around it."""
    height, width = int(chance.integers(260, 384)), int(chance.integers(300, 384))
    screen = np.full((height, width), chance.choice((0.05, 0.2, 0.9, 1.0)), np.float32)
    ink = 0.1 if screen[0, 0] > 0.5 else 0.9
    share = chance.uniform(0.35, 0.6)
    tall, wide = int(share * height * chance.uniform(0.9, 1.2)), int(share * width)
    top, left = int(chance.integers(10, height - tall - 4)), int(chance.integers(4, width - wide - 4))
    screen[top : top + tall, left : left + wide] = cv2.resize(
        image, (wide, tall), interpolation=cv2.INTER_AREA
    )
    for _ in range(int(chance.integers(4, 18))):
        x, y = int(chance.integers(width - 30)), int(chance.integers(8, height))
        if not (left - 60 < x < left + wide and top < y < top + tall + 8):
            text = "Fig. chest radiograph of a patient"[: int(chance.integers(3, 34))]
            write_text(screen, text, (x, y), scale=chance.uniform(0.25, 0.5), grey=ink)
    if chance.random() < 0.6:
        screen[: int(chance.integers(6, top + 1))] = chance.random()
    return screen


def photographed(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Photograph it from a screen, askew: perspective, a frame, a room, moiré and glare."""
    height, width = image.shape
    room = np.full((height, width), chance.uniform(0.1, 0.9), np.float32)
    clutter = cv2.GaussianBlur(chance.normal(size=room.shape).astype(np.float32), (0, 0), 25)
    room += 0.15 * clutter / max(float(clutter.std()), 1e-6)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    inward = chance.uniform(0.08, 0.28, (4, 2)) * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    there = (corners + inward * (width, height)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, there)
    seen = cv2.warpPerspective(image, matrix, (width, height))
    covered = cv2.warpPerspective(np.ones_like(image), matrix, (width, height))
    frame = cv2.dilate(covered, np.ones((15, 15), np.uint8))
    photo = np.where(covered > 0.5, seen, np.where(frame > 0.5, chance.choice((0.02, 0.9)), room))
    rows, columns = np.mgrid[0:height, 0:width]
    beat = np.sin(rows * chance.uniform(0.2, 1.5) + columns * chance.uniform(0.2, 1.5))
    spot = np.exp(
        -((rows - chance.uniform(0, height)) ** 2 + (columns - chance.uniform(0, width)) ** 2) / 2 / 40**2
    )
    photo = photo + chance.uniform(0, 0.08) * beat + chance.uniform(0, 0.7) * spot
    return np.asarray(np.clip(photo, 0, 1), np.float32)


def scrambled(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Shuffle its tiles, or stir it: the texture of a radiograph without a chest."""
    size = 256
    square = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    if chance.random() < 0.5:
        parts = int(chance.integers(3, 7))
        step = size // parts
        order = chance.permutation(parts * parts)
        moved = np.zeros((parts * step, parts * step), np.float32)
        for place, origin in enumerate(order):
            (y, x), (v, u) = divmod(place, parts), divmod(int(origin), parts)
            tile = square[v * step : (v + 1) * step, u * step : (u + 1) * step]
            moved[y * step : (y + 1) * step, x * step : (x + 1) * step] = tile
        return moved
    reach, grain = chance.uniform(30, 70), chance.uniform(15, 40)
    flow = [
        cv2.GaussianBlur(chance.normal(size=(size, size)).astype(np.float32), (0, 0), grain) for _ in range(2)
    ]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    dy, dx = (reach * part / max(float(part.std()), 1e-6) for part in flow)
    return np.asarray(
        cv2.remap(square, columns + dx, rows + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT),
        np.float32,
    )


def reshaped(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Fill the outline of some limb or organ with a piece of the radiograph, on black."""
    size = 256
    tall, wide = (np.array(image.shape) * chance.uniform(0.25, 0.6, 2)).astype(int)
    top, left = (int(chance.integers(n - m + 1)) for n, m in zip(image.shape, (tall, wide), strict=True))
    piece = cv2.resize(image[top : top + tall, left : left + wide], (size, size))
    outline = np.zeros((size, size), np.float32)
    points = chance.uniform(0.1, 0.9, (int(chance.integers(2, 6)), 2)) * size
    for start, end in pairwise(points):
        thickness = int(chance.integers(20, 110))
        cv2.line(outline, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, thickness, cv2.LINE_AA)
    outline = cv2.GaussianBlur(outline, (0, 0), chance.uniform(1, 5))
    return np.asarray(piece * outline, np.float32)


def acceptably_varied(image: FloatImage, chance: np.random.Generator) -> FloatImage:
    """Change what differs between hospitals and must not matter, little enough to stay fit.

    Mirror, turn up to 8 degrees, crop or pad up to 8 percent, gamma, contrast, blur, grain, a marker.
    """
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), chance.uniform(-8, 8), chance.uniform(0.9, 1.05)
    )
    matrix[:, 2] += chance.uniform(-0.03, 0.03, 2) * (width, height)
    edge = cv2.BORDER_REPLICATE if chance.random() < 0.6 else cv2.BORDER_CONSTANT
    varied = cv2.warpAffine(image, matrix, (width, height), borderMode=edge)
    if chance.random() < 0.2:
        varied = varied[:, ::-1]
    if chance.random() < 0.3:
        pad = int(chance.uniform(0.02, 0.12) * width)
        across = chance.random() < 0.5
        bars = ((0, 0), (pad, pad)) if across else ((pad, pad), (0, 0))
        varied = np.pad(varied, bars, constant_values=float(chance.choice((0, 0, 1))))
    varied = (varied - 0.5) * chance.uniform(0.7, 1.25) + 0.5 + chance.uniform(-0.1, 0.1)
    varied = np.clip(varied, 0, 1) ** chance.uniform(0.55, 1.8)
    if chance.random() < 0.4:
        varied = cv2.GaussianBlur(varied, (0, 0), chance.uniform(0.3, 1.5))
    varied = np.ascontiguousarray(
        varied + chance.normal(0, chance.uniform(0, 0.03), varied.shape), np.float32
    )
    if chance.random() < 0.3:
        corner = int(chance.choice((8, varied.shape[1] - 40))), int(chance.integers(20, 60))
        write_text(varied, str(chance.choice(("L", "R", "PA", "AP"))), corner, scale=0.8, grey=1.0)
    return np.asarray(np.clip(varied, 0, 1), np.float32)
