"""Start a network from weights that somebody has: ours, or those of a published network."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ml.architectures.applications import APPLICATIONS

IMAGENET = Path("imagenet")
"""Stands for the file in which Keras keeps a published network's ImageNet weights."""


class InitialWeightsError(ValueError):
    """The weights cannot be had, or do not belong to the network; says what would do."""


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """How many of a network's layers that have weights took theirs from a file."""

    layers: int
    of: int

    def __str__(self) -> str:
        return f"{self.layers} of {self.of} layers took their weights from the file"


def find_weights(architecture: str, wanted: Path) -> Path:
    """Return the weights file to start from; `imagenet` is looked up in Keras' cache.

    Nothing is downloaded: many sites have no network, and a run must not depend on one. Raises
    `InitialWeightsError` when there is no such file.
    """
    if wanted == IMAGENET:
        return _cached_imagenet(architecture)
    if not wanted.is_file():
        raise InitialWeightsError(f"The weights file {wanted} does not exist.")
    if wanted.suffix != ".h5":
        raise InitialWeightsError(
            f"{wanted} is no weights file: expected NAME.weights.h5 as Keras 3 saves it, or the NAME.h5 of a "
            "network published with Keras."
        )
    return wanted


def load_weights(network: keras.Model, architecture: str, path: Path) -> LoadedWeights:
    """Load what fits of a weights file into a classifier; the rest keeps its fresh weights.

    `NAME.weights.h5` is a classifier of ours or a `keras.applications` network without its top, as
    `save_weights` wrote it; any other `.h5` is such a network's file as Keras publishes it. Another
    number of classes leaves only the last layer fresh. Raises `InitialWeightsError` when no layer took
    anything.
    """
    before = [layer.get_weights() for layer in _weighted(network)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the count below says it
            if path.name.endswith(".weights.h5"):
                network.load_weights(path, skip_mismatch=True, objects_to_skip=_constant(network))
            else:
                _load_published(network, architecture, path)
    except (OSError, KeyError, ValueError) as error:
        raise InitialWeightsError(f"{path} holds no weights of {architecture}: {error}") from error
    taken = sum(
        any(not np.array_equal(a, b) for a, b in zip(old, layer.get_weights(), strict=True))
        for old, layer in zip(before, _weighted(network), strict=True)
    )
    loaded = LoadedWeights(taken, len(before))
    if not taken:
        raise InitialWeightsError(
            f"{path} holds no weights of {architecture}: not one of its {loaded.of} layers found weights of "
            "its shape there. Give a file of the same architecture."
        )
    return loaded


def _cached_imagenet(architecture: str) -> Path:
    if architecture not in APPLICATIONS:
        raise InitialWeightsError(
            f"There are no ImageNet weights of {architecture}, only of {', '.join(APPLICATIONS)}."
        )
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")  # noqa: TID251 - Keras' own setting
    path = Path(home) / "models" / APPLICATIONS[architecture].weights_file
    if not path.is_file():
        raise InitialWeightsError(
            f"The ImageNet weights of {architecture} are not on this machine: expected "
            f"{path.name} in {path.parent}. Copy the file there from a machine with access to the "
            "internet, or name it with --weights PATH; nothing is downloaded here."
        )
    return path


def _load_published(network: keras.Model, architecture: str, path: Path) -> None:
    """Load a file in Keras' older layout, which knows layers by their order alone."""
    if architecture not in APPLICATIONS:
        raise ValueError("expected NAME.weights.h5, as Keras 3 saves it")
    published = APPLICATIONS[architecture].backbone()
    published.load_weights(path)
    for ours, theirs in zip(_weighted(network)[:-1], _weighted(published), strict=True):
        if ours not in _constant(network):
            ours.set_weights(theirs.get_weights())


def _weighted(network: keras.Model) -> list[keras.Layer]:
    return [layer for layer in network.layers if layer.weights]


def _constant(network: keras.Model) -> list[keras.Layer]:
    """List the layers whose statistics our graphs have as constants already."""
    return [layer for layer in network.layers if isinstance(layer, layers.Normalization)]
