"""What is audited: a version, the images it is asked about, and what it says about them unaltered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.audit.alterations import Alteration
from ml.audit.checks import NotAvailableError
from ml.audit.network import Answers, AuditedNetwork, Film
from ml.contracts import FloatImage, ModelSpec
from ml.datasets.augmentation import as_tensor
from ml.datasets.crops import prepare_crops, read_grey
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Targets
from ml.preprocessing import Preprocessing, equalise

SAMPLE_SIZE = 400
"""Images that the checks on altered images use: enough to tell 2 % flips from 5 %, minutes on one core."""

BATCH = 64

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sample:
    """The images that are altered: their positions among the audited rows, and answers before that."""

    positions: NDArray[np.intp]
    films: tuple[Film, ...]
    answers: Answers


@dataclass(frozen=True)
class Subject:
    """A version, its rows and its answers; what is expensive is computed once, when first asked for.

    `rows` are audited, with their class numbers `targets` (n,); `development` are those that the version
    was trained, stopped or calibrated on, empty where they are not known. `parent` is the audit of the
    version that it was fine-tuned from, empty where there is none. `controls` are the recipe's negative
    controls as `ml.training.controls` measures them, empty where they were not trained.
    """

    folder: Path
    spec: ModelSpec
    network: AuditedNetwork
    rows: Sequence[ManifestRow]
    targets: Targets
    development: Sequence[ManifestRow] = ()
    development_targets: Targets = field(default_factory=lambda: np.empty(0, np.intp))
    parent: Mapping[str, Any] = field(default_factory=dict)
    controls: Mapping[str, Any] = field(default_factory=dict)
    sample_size: int = SAMPLE_SIZE
    seed: int = 0
    cache_dir: Path | None = None
    progress: Progress = lambda stage, done, total: None

    @property
    def groups(self) -> list[str]:
        """The audited rows' groups (patients)."""
        return [row.group for row in self.rows]

    @cached_property
    def answers(self) -> Answers:
        """What the version says about every audited image."""
        crops = prepare_crops(
            self.rows,
            lungs=self.network.lungs,
            input_size=self.spec.input_size,
            preprocessing=self.network.preprocessing,
            cache_dir=self.cache_dir,
            progress=lambda done, total: self.progress("preparing", done, total),
        )
        return self.network.answers_to(as_tensor(crops.images))

    @property
    def embeddings(self) -> FloatImage:
        """The features (n, c) of every audited image. Raises `NotAvailableError`."""
        if self.answers.embeddings is None:
            raise NotAvailableError("The exported graph does not show its features.")
        return self.answers.embeddings

    @cached_property
    def sample(self) -> Sample:
        """Films of up to `sample_size` audited images, as evenly over source and class as they allow."""
        positions = stratified_sample(
            [(row.source, int(target)) for row, target in zip(self.rows, self.targets, strict=True)],
            self.sample_size,
            seed=self.seed,
        )
        films: list[Film] = []
        for start in range(0, len(positions), BATCH):
            chosen = positions[start : start + BATCH]
            films += self.network.films([equalise(read_grey(self.rows[i].path)) for i in chosen])
        return Sample(positions, tuple(films), self.network.answers(films))

    def altered(
        self,
        alteration: Alteration,
        *,
        keep_lungs: bool = False,
        only: Sequence[int] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> Answers:
        """Ask about the sample, or only these of it, with every image altered.

        The whole preprocessing runs again on the altered image; with `keep_lungs` it is told the lungs
        of the original one. Another chain of preprocessing may be given.
        """
        films = self.sample.films if only is None else [self.sample.films[i] for i in only]
        parts = []
        for start in range(0, len(films), BATCH):
            originals = films[start : start + BATCH]
            images = [alteration(film) for film in originals]
            changed = (
                [film.altered(image) for film, image in zip(originals, images, strict=True)]
                if keep_lungs
                else self.network.films(images)
            )
            parts.append(self.network.answers(changed, preprocessing))
        return Answers(
            probabilities=np.concatenate([part.probabilities for part in parts]),
            class_maps=np.concatenate([part.class_maps for part in parts]),
            embeddings=None,
            regions=tuple(region for part in parts for region in part.regions),
        )

    def sampled(self, *, with_lungs: bool) -> list[int]:
        """Give the numbers of the sample's images, of those with plausible lungs only if asked for.

        Raises `NotAvailableError` when none is left.
        """
        films = self.sample.films
        kept = [i for i, film in enumerate(films) if film.has_lungs or not with_lungs]
        if not kept:
            raise NotAvailableError("The lung network found no lungs on any sampled image.")
        return kept


def stratified_sample(strata: Sequence[object], size: int, *, seed: int) -> NDArray[np.intp]:
    """Draw up to `size` positions, one from each stratum in turn until it is empty; sorted."""
    chance = np.random.default_rng(seed)
    members: dict[object, list[int]] = {}
    for position in chance.permutation(len(strata)):
        members.setdefault(strata[position], []).append(int(position))
    turns = [pair for stratum in members.values() for pair in enumerate(stratum)]
    turns.sort(key=lambda pair: pair[0])
    return np.sort(np.array([position for _, position in turns[:size]], np.intp))
