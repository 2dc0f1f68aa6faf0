"""Networks by name; every one of them is built here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras

from ml.architectures.applications import APPLICATIONS, application
from ml.architectures.compact_resnet import compact_resnet
from ml.architectures.lung_unet import lung_unet
from ml.architectures.multi_kernel_cnn import multi_kernel_cnn

ENSEMBLE = "ensemble"
"""Not built of layers but joined of exported graphs, by `ml.architectures.ensemble`."""


class UnknownArchitectureError(ValueError):
    """No network of that name is built here."""


class InputSizeError(ValueError):
    """The network cannot look at images as small as that."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One classifier: `build(input_size, classes, channels)`, and the least side it can look at."""

    build: Callable[[int | None, int, int], keras.Model]
    smallest: int = 32


CLASSIFIERS: dict[str, Architecture] = {
    "compact_resnet": Architecture(compact_resnet, smallest=16),
    "multi_kernel_cnn": Architecture(multi_kernel_cnn, smallest=16),
    **{
        name: Architecture(partial(application, name), published.smallest)
        for name, published in APPLICATIONS.items()
    },
}


def build(name: str, *, input_size: int | None, classes: int, channels: int = 1) -> keras.Model:
    """Build the named network with fresh weights for [batch, input_size, input_size, channels] in [0, 1].

    Without an input size the network takes any: weights do not depend on it. Raises
    `UnknownArchitectureError`, which lists the known names, or `InputSizeError`.
    """
    if name == "lung_unet":
        return lung_unet(input_size, classes)
    if input_size is not None:
        check_input_size(name, input_size)
    return _classifier(name).build(input_size, classes, channels)


def check_input_size(name: str, side: int) -> None:
    """Raise `InputSizeError` when the named classifier cannot look at images of this side in pixels."""
    smallest = _classifier(name).smallest
    if side < smallest:
        raise InputSizeError(f"{name} needs images of at least {smallest} x {smallest} px, not {side} px.")


def _classifier(name: str) -> Architecture:
    try:
        return CLASSIFIERS[name]
    except KeyError:
        known = ", ".join(sorted(CLASSIFIERS))
        raise UnknownArchitectureError(f"Unknown architecture {name!r}; known: {known}.") from None
