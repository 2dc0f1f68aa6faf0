"""A version's preprocessing: how it crops to the lungs, and which steps follow."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.preprocessing.geometry import WHOLE_IMAGE, Region, resized
from ml.preprocessing.lungs import lung_mask, mask_region
from ml.preprocessing.steps import STEPS, Chest

PREPROCESSING_VERSION = "lungs-2"
"""Changes whenever the code gives another tensor for the same pixels and the same chain."""

CROPS = ("squeeze", "square", "whole")


class PreprocessingError(ValueError):
    """A chain cannot be used; says which step or parameter, and what is known."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A classifier's input, where in the image it came from and where in it the chest lies.

    `tensor`: float32 (1, size, size, channels) in [0, 1].
    """

    tensor: FloatImage
    region: Region
    lungs_found: bool
    chest: Chest


@dataclass(frozen=True)
class Preprocessing:
    """What is done between the equalised image and the tensor.

    `crop`: `squeeze` makes the box around the lungs square by squeezing it, `square` grows its shorter
    side instead, `whole` takes the whole image. Squeezing is the default on purpose: publishers have
    squeezed half of the public images already, so that the shape of the lungs' box alone tells two
    sources apart within one finding (AUC 0.72 to 0.96). `margin` around the lungs is a share of the
    box's side. `steps`: names and parameters from `ml.preprocessing.steps`, in order.

    Raises `PreprocessingError` for anything unknown.
    """

    crop: str = "squeeze"
    margin: float = 0.07
    steps: tuple[tuple[str, Mapping[str, float]], ...] = (("blur", {"sigma": 0.7}), ("window", {}))

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise PreprocessingError(f"Unknown crop {self.crop!r}; known: {', '.join(CROPS)}.")
        if not 0 <= self.margin <= 0.5:
            raise PreprocessingError(f"The margin is {self.margin}; expected 0 to 0.5.")
        for name, parameters in self.steps:
            _check_step(name, parameters)
        if any(name == "pseudo_colour" for name, _ in self.steps[:-1]):
            raise PreprocessingError("pseudo_colour gives three channels, so no step can follow it.")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` gave. Raises `PreprocessingError`, also for another code version's chain."""
        if value.get("version") != PREPROCESSING_VERSION:
            raise PreprocessingError(
                f"Preprocessing {value.get('version')!r} is asked for, this code has "
                f"{PREPROCESSING_VERSION!r}; train or install a version made for it."
            )
        try:
            steps = tuple((str(step["step"]), _parameters(step)) for step in value["steps"])
            return cls(str(value["crop"]), float(value["margin"]), steps)
        except (KeyError, TypeError, AttributeError) as error:
            raise PreprocessingError(f"Not a preprocessing chain: {error!r} in {value!r}.") from error

    @classmethod
    def from_text(cls, steps: str, *, crop: str = "squeeze", margin: float = 0.07) -> Preprocessing:
        """Read steps as people write them: `blur(sigma=0.7), window, clahe(clip_limit=3, tiles=8)`."""
        return cls(crop, margin, tuple(_parsed(part) for part in _split_steps(steps)))

    def to_json(self) -> dict[str, Any]:
        """Give the chain as values that JSON can hold; `from_json` reads them."""
        return {
            "version": PREPROCESSING_VERSION,
            "crop": self.crop,
            "margin": self.margin,
            "steps": [{"step": name, **parameters} for name, parameters in self.steps],
        }

    @property
    def version(self) -> str:
        """One name for code and chain, stored with every result, such as `lungs-2:5f1c09ab`."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return f"{PREPROCESSING_VERSION}:{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def channels(self) -> int:
        """Channels of the tensor, 1 or 3."""
        return 3 if self.steps and self.steps[-1][0] == "pseudo_colour" else 1

    def prepare(self, equalised: FloatImage, lung_probabilities: FloatImage, *, input_size: int) -> Prepared:
        """Make the classifier's input from an equalised image (h, w) and its lung probabilities.

        Falls back to the whole image, with `lungs_found` false, where no plausible lungs were found.
        """
        mask = lung_mask(lung_probabilities)
        found = mask_region(mask)
        region = self._region(found, equalised.shape)
        box = region.box(*equalised.shape)
        image = resized(equalised[box.top : box.bottom, box.left : box.right], input_size, input_size)
        chest = _everywhere(input_size) if found is None else _chest(mask, region, input_size)
        for name, parameters in self.steps:
            image = STEPS[name](image, chest, **parameters)
        tensor = np.ascontiguousarray(image, np.float32).reshape(1, input_size, input_size, self.channels)
        return Prepared(np.clip(tensor, 0.0, 1.0), region, found is not None, chest)

    def _region(self, lungs: Region | None, shape: tuple[int, ...]) -> Region:
        if lungs is None or self.crop == "whole":
            return WHOLE_IMAGE
        region = lungs.grown(self.margin)
        return region.squared(shape[0], shape[1]) if self.crop == "square" else region


def _check_step(name: str, parameters: Mapping[str, float]) -> None:
    if name not in STEPS:
        raise PreprocessingError(f"Unknown step {name!r}; known: {', '.join(STEPS)}.")
    known = list(inspect.signature(STEPS[name]).parameters)[2:]
    for parameter, value in parameters.items():
        if parameter not in known:
            raise PreprocessingError(
                f"{name} has no parameter {parameter!r}; known: {', '.join(known) or 'none'}."
            )
        if not isinstance(value, int | float):
            raise PreprocessingError(f"{name}: {parameter} is {value!r}; expected a number.")


def _parameters(step: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in step.items() if name != "step"}


def _split_steps(text: str) -> Sequence[str]:
    """Split at commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _parsed(text: str) -> tuple[str, dict[str, float]]:
    name, bracket, rest = text.partition("(")
    if not bracket:
        return name.strip(), {}
    try:
        pairs = [pair.split("=") for pair in rest.rstrip(")").split(",") if pair.strip()]
        return name.strip(), {key.strip(): float(value) for key, value in pairs}
    except ValueError as error:
        raise PreprocessingError(
            f"Cannot read the step {text!r}; expected name(parameter=number)."
        ) from error


def _everywhere(size: int) -> Chest:
    full = np.ones((size, size), np.bool_)
    return Chest(full, full)


def _chest(mask: NDArray[np.bool_], region: Region, size: int) -> Chest:
    """Draw a lung mask over the whole image, and its convex hull, into the square crop of a region."""
    height, width = mask.shape
    # Pixel centres of the crop, in pixels of the mask.
    scale_y, scale_x = (
        (region.bottom - region.top) * height / size,
        (region.right - region.left) * width / size,
    )
    transform = np.array(
        [
            [scale_x, 0.0, region.left * width + scale_x / 2 - 0.5],
            [0.0, scale_y, region.top * height + scale_y / 2 - 0.5],
        ]
    )
    lungs = cv2.warpAffine(
        mask.astype(np.uint8), transform, (size, size), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    points = cv2.findNonZero(lungs)
    if points is None:
        return _everywhere(size)
    hull = cv2.fillConvexPoly(np.zeros((size, size), np.uint8), cv2.convexHull(points), 1)
    return Chest(lungs.astype(np.bool_), hull.astype(np.bool_))


DEFAULT_PREPROCESSING = Preprocessing()
