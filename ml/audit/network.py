"""The version under audit, asked about original images that somebody has altered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.audit.graphs import EMBEDDING, graph_with_embedding
from ml.contracts import Box, FloatImage, ModelSpec
from ml.datasets.crops import LungNetwork
from ml.evaluation.calibration import Probabilities, calibrated
from ml.preprocessing import Preprocessing, Region, lung_input, lung_mask, lung_region

LUNG_MARGIN = 0.03
"""How far the lungs are widened before anything is judged by their outline, as a share of the long side."""

MASKING_STEPS = ("fade_outside", "marker_removal")
"""Steps of preprocessing that hide what is outside the lungs; without them the network itself is asked."""


@dataclass(frozen=True)
class Film:
    """An original image, equalised, float32 (h, w) in [0, 1], with what the lung network says about it."""

    image: FloatImage
    lung_probabilities: FloatImage

    @property
    def has_lungs(self) -> bool:
        """Whether plausible lungs were found."""
        return lung_region(self.lung_probabilities) is not None

    @cached_property
    def lungs(self) -> NDArray[np.bool_]:
        """The lungs, a little widened, bool (h, w)."""
        height, width = self.image.shape
        mask = lung_mask(self.lung_probabilities).astype(np.uint8)
        enlarged = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
        reach = max(1, round(LUNG_MARGIN * max(height, width)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        return np.asarray(cv2.dilate(enlarged, kernel), np.bool_)

    @cached_property
    def box(self) -> Box:
        """The box around the widened lungs, the whole image where there are none."""
        height, width = self.image.shape
        if not self.lungs.any():
            return Box(0, 0, height, width)
        rows, columns = (np.flatnonzero(self.lungs.any(axis=axis)) for axis in (1, 0))
        return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    def altered(self, image: FloatImage) -> Film:
        """Give the film with another image and the lungs that were found on this one."""
        return Film(image, self.lung_probabilities)


@dataclass(frozen=True)
class Answers:
    """What the network said about n images.

    `probabilities` (n, k) are calibrated; `class_maps` (n, h, w, k) cover each image's `regions`;
    `embeddings` (n, c) are None where the graph does not give them.
    """

    probabilities: Probabilities
    class_maps: FloatImage
    embeddings: FloatImage | None
    regions: tuple[Region, ...] = ()

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The number of the most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1), np.intp)


class AuditedNetwork:
    """A version's lung network, preprocessing and classifier, in float32 and without its fitness gate."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self.lungs = LungNetwork(folder)
        self.preprocessing = Preprocessing.from_json(spec.preprocessing)
        self._spec = spec
        self._graph = graph_with_embedding(folder / "model.xml")

    @property
    def unmasked_preprocessing(self) -> Preprocessing | None:
        """The version's preprocessing without the steps that hide what is outside the lungs.

        None where it has no such step.
        """
        steps = tuple(step for step in self.preprocessing.steps if step[0] not in MASKING_STEPS)
        return None if steps == self.preprocessing.steps else replace(self.preprocessing, steps=steps)

    def films(self, images: Sequence[FloatImage]) -> tuple[Film, ...]:
        """Find the lungs on equalised images."""
        batch = np.concatenate([lung_input(image) for image in images])
        return tuple(Film(image, lungs) for image, lungs in zip(images, self.lungs(batch), strict=True))

    def tensors(
        self, films: Sequence[Film], preprocessing: Preprocessing | None = None
    ) -> tuple[FloatImage, tuple[Region, ...]]:
        """Give the classifier's inputs for films and the regions they were cut from."""
        chain = preprocessing or self.preprocessing
        prepared = [
            chain.prepare(film.image, film.lung_probabilities, input_size=self._spec.input_size)
            for film in films
        ]
        return np.concatenate([one.tensor for one in prepared]), tuple(one.region for one in prepared)

    def answers(self, films: Sequence[Film], preprocessing: Preprocessing | None = None) -> Answers:
        """Ask the classifier about films, with the lungs that each one states."""
        tensors, regions = self.tensors(films, preprocessing)
        return replace(self.answers_to(tensors), regions=regions)

    def answers_to(self, tensors: FloatImage) -> Answers:
        """Ask the classifier about inputs (n, size, size, channels) in [0, 1]."""
        outputs = self._graph(tensors)
        return Answers(
            probabilities=calibrated(outputs["logits"], self._spec.temperature),
            class_maps=outputs["class_maps"],
            embeddings=outputs.get(EMBEDDING),
        )
