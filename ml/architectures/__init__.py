"""Networks by name; every one of them is built here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import keras

from ml.architectures.compact_resnet import compact_resnet
from ml.architectures.lung_unet import lung_unet

Builder = Callable[[int | None, int], keras.Model]

ARCHITECTURES: dict[str, Builder] = {"compact_resnet": compact_resnet, "lung_unet": lung_unet}
CLASSIFIERS = ("compact_resnet",)


class UnknownArchitectureError(ValueError):
    """No network of that name is built here."""


def build(name: str, *, input_size: int | None, classes: int) -> keras.Model:
    """Build the named network with fresh weights for [batch, input_size, input_size, 1] in [0, 1].

    Without an input size the network takes any: weights do not depend on it. Raises
    `UnknownArchitectureError`, which lists the known names.
    """
    try:
        builder = ARCHITECTURES[name]
    except KeyError:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UnknownArchitectureError(f"Unknown architecture {name!r}; known: {known}.") from None
    model: keras.Model = builder(input_size, classes)
    return model
