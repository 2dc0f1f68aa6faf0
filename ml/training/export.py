"""Export trained networks to OpenVINO IR, and refuse an export that answers differently."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino
from keras import layers

from ml.contracts import FloatImage
from ml.graph import Graph

PARITY_TOLERANCE = 1e-3
"""Largest difference of any logit or probability, in absolute terms, from the Keras network's."""

PROBES = 8


class ExportParityError(Exception):
    """The exported graph does not answer as the trained network does."""


def serving_model(classifier: keras.Model) -> keras.Model:
    """Add the class maps to a classifier: outputs `logits` [n, k] and `class_maps` [n, h, w, k].

    The maps are the last features times the linear layer's weights (Zhou 2016), without its bias.
    """
    features = classifier.get_layer("features").output
    linear = classifier.get_layer("logits")
    weights, bias = (np.asarray(value) for value in linear.get_weights())
    maps = layers.Conv2D(weights.shape[1], 1, use_bias=False, name="class_maps")
    class_maps = maps(features)
    maps.set_weights([weights[np.newaxis, np.newaxis]])
    shift = layers.Rescaling(1.0, offset=bias.tolist(), name="serving_logits")
    logits = shift(layers.GlobalAveragePooling2D()(class_maps))
    return keras.Model(classifier.inputs, {"logits": logits, "class_maps": class_maps})


def export_classifier(classifier: keras.Model, folder: Path) -> None:
    """Write `model.xml` and `model.bin` (float32) and compare them with the network.

    Raises `ExportParityError`.
    """
    _export(serving_model(classifier), folder / "model.xml", ("logits", "class_maps"), half=False)
    probes = _probes(classifier)
    _compare(classifier.predict(probes, verbose=0), Graph(folder / "model.xml")(probes)["logits"])


def export_lungs(network: keras.Model, folder: Path) -> None:
    """Write `lungs.xml` and `lungs.bin` (weights in float16) and compare them with the network.

    Raises `ExportParityError`.
    """
    _export(network, folder / "lungs.xml", ("lungs",), half=True)
    probes = _probes(network)
    expected = network.predict(probes, verbose=0)
    # Weights in float16 may move a single pixel on an edge, so the mean counts here.
    found = Graph(folder / "lungs.xml")(probes)["lungs"]
    _compare(expected.mean(axis=(1, 2)), found.mean(axis=(1, 2)))


def _export(model: keras.Model, path: Path, names: Sequence[str], *, half: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "graph.xml"
        model.export(str(raw), format="openvino", verbose=False)
        graph: Any = openvino.Core().read_model(str(raw))
        graph.inputs[0].get_tensor().set_names({"image"})
        for port, name in zip(_ordered(graph, model, names), names, strict=True):
            port.get_tensor().set_names({name})
        path.parent.mkdir(parents=True, exist_ok=True)
        openvino.save_model(graph, str(path), compress_to_fp16=half)


def _ordered(graph: Any, model: keras.Model, names: Sequence[str]) -> list[Any]:
    """Find each output by its rank and channels: exporters rename outputs as they please."""
    if len(names) == 1:
        return [graph.outputs[0]]
    shapes = {name: len(model.output[name].shape) for name in names}
    return [
        next(port for port in graph.outputs if port.get_partial_shape().rank.get_length() == shapes[name])
        for name in names
    ]


def _probes(model: keras.Model) -> FloatImage:
    shape = (PROBES, *model.input_shape[1:])
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def _compare(expected: FloatImage, found: FloatImage) -> None:
    difference = float(np.abs(np.asarray(expected) - found).max())
    if not difference <= PARITY_TOLERANCE:
        raise ExportParityError(
            f"The exported graph differs from the network by {difference:.2g}, at most "
            f"{PARITY_TOLERANCE:g} is allowed; the version was not made."
        )
