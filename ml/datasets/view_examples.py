"""Make the view network's examples of a manifest's rows: good, varied, altered, drawn and real unfit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Finding, FloatImage
from ml.datasets.crops import read_grey
from ml.datasets.manifest import ManifestRow
from ml.datasets.unfit import ALTERATIONS, DRAWINGS, REAL_VIEWS
from ml.datasets.unfit.alterations import acceptably_varied
from ml.inference.fitness import refused_by_greys
from ml.inference.views import VIEW_INPUT_SIZE, VIEWS, View, view_input
from ml.phantom import FULL_SCALE, phantom
from ml.preprocessing import equalise, lung_input

GOOD, VARIED, PHANTOM = "good", "varied", "phantom"
PHANTOM_SIZE = (384, 352)
FIRST_PHANTOM_SEED = 100_000
"""Far from the seeds that the demo and the tests use."""
COMPANIONS = 5


@dataclass(frozen=True, slots=True)
class ViewExamples:
    """What the gate sees of a list of images, in its order.

    `inputs`: uint8 (n, 64, 64), the view network's inputs times 255; `grey_refused`: bool (n,), whether
    the greys alone are refused; `views`: positions in `VIEWS`; `kinds`: what each is; `rows`: position of
    the manifest row that it is made of in the list that was given, or -1.
    """

    inputs: NDArray[np.uint8]
    grey_refused: NDArray[np.bool_]
    views: NDArray[np.intp]
    kinds: NDArray[np.str_]
    rows: NDArray[np.intp]

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> ViewExamples:
        """Keep the chosen ones."""
        return ViewExamples(*(getattr(self, name)[chosen] for name in self.__slots__))

    @classmethod
    def concatenated(cls, parts: Sequence[ViewExamples]) -> ViewExamples:
        """Join several lists."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class _Image:
    pixels: FloatImage
    view: View
    kind: str
    row: int = -1


def good_examples(rows: Sequence[ManifestRow]) -> ViewExamples:
    """Show the gate good radiographs as they are."""
    return _examples(_Image(_read(row), View.FRONTAL, GOOD, i) for i, row in enumerate(rows))


def varied_examples(rows: Sequence[ManifestRow], *, seed: int) -> ViewExamples:
    """Show it good radiographs changed as other hospitals' devices might, still fit."""
    chance = np.random.default_rng([seed, 1])
    varied = (acceptably_varied(_read(row), chance) for row in rows)
    return _examples(_Image(image, View.FRONTAL, VARIED, i) for i, image in enumerate(varied))


def altered_examples(rows: Sequence[ManifestRow], *, seed: int) -> ViewExamples:
    """Show it good radiographs made unfit, the kinds of `ALTERATIONS` in turn."""
    chance = np.random.default_rng([seed, 2])
    kinds = list(ALTERATIONS)

    def images() -> Iterator[_Image]:
        seen: list[FloatImage] = []
        for i, row in enumerate(rows):
            seen = [_read(row), *seen[:COMPANIONS]]
            kind = kinds[i % len(kinds)]
            view, alter = ALTERATIONS[kind]
            yield _Image(alter(seen, chance), view, kind, i)

    return _examples(images())


def drawn_examples(per_kind: int, *, seed: int) -> ViewExamples:
    """Show it images of every kind of `DRAWINGS`."""
    chance = np.random.default_rng([seed, 3])
    return _examples(
        _Image(draw(chance), view, kind) for kind, (view, draw) in DRAWINGS.items() for _ in range(per_kind)
    )


def phantom_examples(per_finding: int, *, seed: int) -> ViewExamples:
    """Show it phantoms of every finding: smoother than any radiograph, and yet they must pass."""
    seeds = range(FIRST_PHANTOM_SEED + seed, FIRST_PHANTOM_SEED + seed + per_finding)
    return _examples(
        _Image(
            np.asarray(phantom(finding, seed=i, size=PHANTOM_SIZE) / FULL_SCALE, np.float32),
            View.FRONTAL,
            PHANTOM,
        )
        for finding in Finding
        for i in seeds
    )


def real_unfit_examples(rows: Sequence[ManifestRow]) -> ViewExamples:
    """Show it the manifest's `ood_*` images as they are."""
    return _examples(_Image(_read(row), _view(row), row.label, i) for i, row in enumerate(rows))


def varied_unfit_examples(rows: Sequence[ManifestRow], times: int, *, seed: int) -> ViewExamples:
    """Show it so many variations of each of the manifest's `ood_*` images."""
    chance = np.random.default_rng([seed, 4])
    return _examples(
        _Image(acceptably_varied(_read(row), chance), _view(row), row.label, i)
        for i, row in enumerate(rows)
        for _ in range(times)
    )


def _read(row: ManifestRow) -> FloatImage:
    return equalise(read_grey(row.path))


def _view(row: ManifestRow) -> View:
    return REAL_VIEWS.get(row.label, View.OTHER)


def _examples(images: Iterable[_Image]) -> ViewExamples:
    inputs: list[FloatImage] = []
    seen: list[tuple[bool, int, str, int]] = []
    for image in images:
        equalised = equalise(image.pixels)
        inputs.append(view_input(lung_input(equalised))[0, :, :, 0])
        seen.append((refused_by_greys(equalised), VIEWS.index(image.view), image.kind, image.row))
    grey_refused, views, kinds, rows = zip(*seen, strict=True) if seen else ((), (), (), ())
    stacked = np.array(inputs, np.float32).reshape(-1, VIEW_INPUT_SIZE, VIEW_INPUT_SIZE)
    return ViewExamples(
        inputs=np.rint(stacked * 255).astype(np.uint8),
        grey_refused=np.array(grey_refused, np.bool_),
        views=np.array(views, np.intp),
        kinds=np.array(kinds, np.str_),
        rows=np.array(rows, np.intp),
    )
