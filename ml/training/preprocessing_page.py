"""Draw phantoms through every step of preprocessing, for `docs/model/preprocessing.md`.

    python -m ml.training.preprocessing_page

The picture holds synthetic radiographs only (`ml.phantom`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.crops import LungNetwork
from ml.phantom import phantom
from ml.preprocessing import DEFAULT_PREPROCESSING, STEPS, Preprocessing, equalise, lung_input, lung_mask

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "preprocessing.webp"
BUNDLED = Path(__file__).resolve().parents[1] / "pretrained" / "cxr"
PHANTOMS = (("normal", 3), ("covid19", 5), ("bacterial_pneumonia", 8))
TILE, CAPTION, COLUMNS = 160, 22, 9

Tile = NDArray[np.uint8]


def main() -> None:
    """Write the picture."""
    lungs = LungNetwork(BUNDLED)
    rows = []
    for label, seed in PHANTOMS:
        stored = phantom(label, seed=seed, size=(480, 400)).astype(np.float32)
        equalised = equalise((stored - stored.min()) / np.float32(np.ptp(stored)))
        rows.append(_tiles(equalised, lungs(lung_input(equalised))[0]))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(PICTURE), _sheet(rows), [cv2.IMWRITE_WEBP_QUALITY, 80]):
        raise OSError(f"{PICTURE} could not be written.")


def _tiles(equalised: FloatImage, probabilities: FloatImage) -> list[tuple[str, Tile]]:
    """Give the way of one image: as it came, its lungs, the crops, then each step after the window."""
    tiles = [("image", _square(equalised)), ("lungs", _outlined(equalised, probabilities))]
    window: tuple[str, dict[str, float]] = ("window", {})

    def through(*steps: tuple[str, dict[str, float]], crop: str = "squeeze") -> Tile:
        chain = Preprocessing(crop=crop, steps=steps)
        tensor = chain.prepare(equalised, probabilities, input_size=TILE).tensor[0]
        return _coloured(tensor)

    tiles += [(f"crop: {crop}", through(crop=crop)) for crop in ("squeeze", "square")]
    tiles.append(("window", through(window)))
    tiles += [(name, through(window, (name, _shown(name)))) for name in STEPS if name != "window"]
    default = DEFAULT_PREPROCESSING.prepare(equalised, probabilities, input_size=TILE)
    tiles.append(("default", _coloured(default.tensor[0])))
    return tiles


def _shown(step: str) -> dict[str, float]:
    """Give parameters that make a step's effect visible at this size."""
    return {"blur": {"sigma": 2.0}, "bilateral": {"sigma_grey": 0.2, "sigma_space": 4.0}}.get(step, {})


def _square(image: FloatImage) -> Tile:
    """Fit an image into a tile without stretching it."""
    scale = TILE / max(image.shape)
    height, width = (max(1, round(scale * side)) for side in image.shape)
    tile = np.zeros((TILE, TILE), np.float32)
    top, left = (TILE - height) // 2, (TILE - width) // 2
    tile[top : top + height, left : left + width] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA
    )
    return _coloured(tile[..., np.newaxis])


def _outlined(equalised: FloatImage, probabilities: FloatImage) -> Tile:
    mask = lung_mask(probabilities).astype(np.float32)
    height, width = equalised.shape
    inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    edge = inside ^ cv2.erode(inside.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.bool_)
    return _square(np.where(edge, np.float32(1.0), equalised * np.float32(0.8)))


def _coloured(image: FloatImage) -> Tile:
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return levels if levels.shape[2] == 3 else np.repeat(levels, 3, axis=2)


def _sheet(rows: Sequence[Sequence[tuple[str, Tile]]]) -> Tile:
    """Lay tiles out with their names: the phantoms below each other, block by block of columns."""
    count = len(rows[0])
    blocks = [range(start, min(start + COLUMNS, count)) for start in range(0, count, COLUMNS)]
    block_height = CAPTION + TILE * len(rows)
    sheet = np.full((block_height * len(blocks), TILE * COLUMNS, 3), 255, np.uint8)
    for b, block in enumerate(blocks):
        for column, i in enumerate(block):
            top, left = b * block_height, column * TILE
            origin = (left + 4, top + CAPTION - 7)
            name = rows[0][i][0].replace("_", " ")
            cv2.putText(sheet, name, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
            for r, row in enumerate(rows):
                y = top + CAPTION + r * TILE
                sheet[y : y + TILE, left : left + TILE] = row[i][1]
    return sheet


if __name__ == "__main__":
    main()
