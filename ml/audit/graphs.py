"""Open an exported graph for the audit: read its features, and put noise in place of its weights.

Working on the graph instead of the Keras network audits what will serve, for every architecture, and
needs no TensorFlow.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops

from ml.audit.checks import NotAvailableError
from ml.graph import Graph

EMBEDDING = "embedding"

_RESHAPING = ("Transpose", "Reshape", "Convert", "Squeeze", "Unsqueeze")
_WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")


def graph_with_embedding(path: Path) -> Graph:
    """Load a classifier's graph with an output `embedding` (n, c): its last features, pooled.

    A graph that has one keeps its own. Else the features are what the convolution behind `class_maps`
    reads. A graph without such a convolution gets no such output.
    """
    model: Any = openvino.Core().read_model(str(path))
    if not any(EMBEDDING in port.get_names() for port in model.outputs):
        features = _features(model)
        if features is not None:
            pooled = ops.reduce_mean(features, ops.constant(np.array([2, 3])), False)
            pooled.output(0).get_tensor().set_names({EMBEDDING})
            model.add_results([ops.result(pooled)])
    return _loaded(model)


def graph_with_noise(path: Path, *, share: float, seed: int) -> Graph:
    """Load a classifier's graph with the weights of its last layers shuffled, from the output backwards.

    `share` of the weighted layers, at least one, lose what they have learned; 1 means all of them. Each
    layer keeps its own values in random order, so that their scale stays (after Adebayo 2018, who draw
    them anew). Raises `NotAvailableError` for a graph without weights.
    """
    model: Any = openvino.Core().read_model(str(path))
    chance = np.random.default_rng(seed)
    layers = [node for node in model.get_ordered_ops() if node.get_type_name() in _WEIGHTED]
    if not layers:
        raise NotAvailableError("The exported graph has no layer with weights that could be replaced.")
    for node in layers[-max(1, round(share * len(layers))) :]:
        port = node.input(1)
        while port.get_source_output().get_node().get_type_name() in _RESHAPING:
            port = port.get_source_output().get_node().input(0)
        weights = port.get_source_output().get_node()
        if weights.get_type_name() != "Constant":
            continue  # a product of two activations: nothing learned in it
        values = np.array(weights.data)
        noise = ops.constant(chance.permutation(values.ravel()).reshape(values.shape))
        port.replace_source_output(noise.output(0))
    return _loaded(model)


def _features(model: Any) -> Any | None:
    """Find the features, channels first, that the convolution behind the class maps reads."""
    port = next((port for port in model.outputs if "class_maps" in port.get_names()), None)
    node = port.get_node().input_value(0).get_node() if port is not None else None
    while node is not None and node.get_type_name() in _RESHAPING:
        node = node.input_value(0).get_node()
    is_convolution = node is not None and node.get_type_name() == "Convolution"
    return node.input_value(0) if node is not None and is_convolution else None


def _loaded(model: Any) -> Graph:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "graph.xml"
        openvino.save_model(model, str(path), compress_to_fp16=False)
        return Graph(path)
