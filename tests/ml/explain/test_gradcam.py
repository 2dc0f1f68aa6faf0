"""The serving graph's class maps are Grad-CAM, without a gradient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.architectures import build
from ml.explain.gradcam import GradCam
from ml.graph import Graph
from ml.model_folder import WEIGHTS_NAME, read_spec


@pytest.mark.training
def test_one_forward_pass_gives_what_the_gradient_gives(bundled_model: Path) -> None:
    spec = read_spec(bundled_model)
    network = build(spec.architecture, input_size=spec.input_size, classes=len(spec.labels))
    network.load_weights(bundled_model / WEIGHTS_NAME)
    shape = (3, spec.input_size, spec.input_size, 1)
    images = np.random.default_rng(0).random(shape, dtype=np.float32)
    graph = Graph(bundled_model / "model.xml")(images)
    maps = graph["class_maps"]
    cells = maps.shape[1] * maps.shape[2]
    explain = GradCam(network)
    for k in range(len(spec.labels)):
        np.testing.assert_allclose(maps[..., k] / cells, explain.evidence(images, k), atol=1e-5)
        np.testing.assert_allclose(np.maximum(maps[..., k], 0) / cells, explain(images, k), atol=1e-5)
    bias = network.get_layer("logits").get_weights()[1]
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias, graph["logits"], atol=1e-5)
    np.testing.assert_allclose(network.predict(images, verbose=0), graph["logits"], atol=1e-3)
