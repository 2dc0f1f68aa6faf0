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
from ml.inference.views import VIEW_GRAPH
from ml.training.telemetry import no_telemetry

OUTPUTS = ("logits", "class_maps", "embedding")

PARITY_TOLERANCE = 1e-3
"""Largest difference from Keras of any logit, class map, feature or probability, as a share of the largest
of them where that is more than 1."""

PROBES = 4


class ExportParityError(Exception):
    """The exported graph does not answer as the trained network does."""


def serving_model(classifier: keras.Model) -> keras.Model:
    """Add explanation and embedding to a classifier: its outputs are those of `OUTPUTS`, in that order.

    `logits` [n, k]; `class_maps` [n, h, w, k], the last features times the linear layer's weights (Zhou
    2016), whose spatial mean plus the layer's bias is the logits; `embedding` [n, c], the globally
    averaged features.
    """
    features = classifier.get_layer("features").output
    weights = np.asarray(classifier.get_layer("logits").get_weights()[0])
    maps = layers.Conv2D(weights.shape[1], 1, use_bias=False, name="class_maps")
    class_maps = maps(features)
    maps.set_weights([weights[np.newaxis, np.newaxis]])
    embedding = layers.GlobalAveragePooling2D(name="embedding")(features)
    return keras.Model(classifier.input, [classifier.output, class_maps, embedding])


def export_classifier(classifier: keras.Model, folder: Path) -> None:
    """Write `model.xml` and `model.bin` (float32) and compare every output with the network's.

    Raises `ExportParityError`.
    """
    serving = serving_model(classifier)
    _export(serving, folder / "model.xml", OUTPUTS, half=False)
    probes = _probes(classifier)
    found = Graph(folder / "model.xml")(probes)
    for name, expected in zip(OUTPUTS, serving(probes, training=False), strict=True):
        _compare(keras.ops.convert_to_numpy(expected), found[name])


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


def export_views(network: keras.Model, folder: Path) -> None:
    """Write `fitness.xml` and `fitness.bin` (float32) and compare them with the view network.

    Raises `ExportParityError`.
    """
    path = folder / f"{VIEW_GRAPH}.xml"
    _export(network, path, ("views",), half=False)
    probes = _probes(network)
    _compare(network.predict(probes, verbose=0), Graph(path)(probes)["views"])


def _export(model: keras.Model, path: Path, names: Sequence[str], *, half: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "graph.xml"
        with no_telemetry():
            model.export(str(raw), format="openvino", verbose=False)
        graph: Any = openvino.Core().read_model(str(raw))
        graph.inputs[0].get_tensor().set_names({"image"})
        # The exporter renames outputs as it pleases but keeps a list's order. Behind them come outputs
        # nobody asked for: activations with a gradient of their own (swish) leave theirs.
        for result in graph.get_results()[len(names) :]:
            graph.remove_result(result)
        for port, name in zip(graph.outputs, names, strict=True):
            port.get_tensor().set_names({name})
        path.parent.mkdir(parents=True, exist_ok=True)
        openvino.save_model(graph, str(path), compress_to_fp16=half)


def _probes(model: keras.Model) -> FloatImage:
    shape = (PROBES, *model.input_shape[1:])
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def _compare(expected: FloatImage, found: FloatImage) -> None:
    difference = float(np.abs(expected - found).max())
    allowed = PARITY_TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:
        raise ExportParityError(
            f"The exported graph differs from the network by {difference:.2g}, at most {allowed:.2g} is "
            "allowed; the version was not made."
        )
