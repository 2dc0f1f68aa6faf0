"""Which images teach the fitness gate what to refuse: every kind, its view, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ml.contracts import FloatImage
from ml.datasets.unfit import alterations, body_parts, scenes, slices
from ml.datasets.unfit.canvas import Draw
from ml.inference.views import View

Alteration = Callable[[Sequence[FloatImage], np.random.Generator], FloatImage]
"""Takes good radiographs, equalised, and makes the first unfit; the others show up where it needs several."""


def _of_one(alter: Callable[[FloatImage, np.random.Generator], FloatImage]) -> Alteration:
    return lambda images, chance: alter(images[0], chance)


ALTERATIONS: Mapping[str, tuple[View, Alteration]] = {
    "turned": (View.TURNED, _of_one(alterations.turned)),
    "inverted": (View.INVERTED, _of_one(alterations.inverted)),
    "cut": (View.CUT, _of_one(alterations.cut)),
    "burnt_out": (View.DEGRADED, _of_one(alterations.burnt_out)),
    "smeared": (View.DEGRADED, _of_one(alterations.smeared)),
    "noisy": (View.DEGRADED, _of_one(alterations.noisy)),
    "mounted": (View.COMPOSITE, alterations.mounted),
    "captured": (View.COMPOSITE, _of_one(alterations.captured)),
    "photographed": (View.COMPOSITE, _of_one(alterations.photographed)),
    "scrambled": (View.OTHER, _of_one(alterations.scrambled)),
    "reshaped": (View.OTHER, _of_one(alterations.reshaped)),
}
"""Good radiographs made unfit, by kind."""

DRAWINGS: Mapping[str, tuple[View, Draw]] = {
    "axial_slice": (View.CROSS_SECTION, slices.draw_axial_slice),
    "coronal_slice": (View.CROSS_SECTION, slices.draw_coronal_slice),
    "brain_slice": (View.CROSS_SECTION, slices.draw_brain_slice),
    "ultrasound": (View.CROSS_SECTION, slices.draw_ultrasound),
    "lateral": (View.LATERAL, body_parts.draw_lateral),
    "limb": (View.OTHER, body_parts.draw_limb),
    "hand": (View.OTHER, body_parts.draw_hand),
    "skull": (View.OTHER, body_parts.draw_skull),
    "spine": (View.OTHER, body_parts.draw_spine),
    "pelvis": (View.OTHER, body_parts.draw_pelvis),
    "abdomen": (View.OTHER, body_parts.draw_abdomen),
    "page": (View.OTHER, scenes.draw_page),
    "ecg": (View.OTHER, scenes.draw_ecg),
    "scene": (View.OTHER, scenes.draw_scene),
    "texture": (View.OTHER, scenes.draw_texture),
    "pattern": (View.OTHER, scenes.draw_pattern),
    "exposure_of_nothing": (View.DEGRADED, scenes.draw_exposure_of_nothing),
}
"""Images drawn from nothing, by kind."""

REAL_VIEWS: Mapping[str, View] = {"ood_lateral": View.LATERAL, "ood_ct": View.CROSS_SECTION}
"""View of the manifest's images that must be refused, by label; any other `ood_*` is `View.OTHER`."""
