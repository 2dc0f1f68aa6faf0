"""An export that answers differently from the network is refused."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from ml.architectures import build
from ml.graph import Graph
from ml.training import export
from ml.training.export import ExportParityError, export_classifier, export_lungs

pytestmark = pytest.mark.training


def test_the_graph_answers_as_the_network(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    network = build("compact_resnet", input_size=64, classes=3)
    export_classifier(network, tmp_path)
    images = np.random.default_rng(1).random((70, 64, 64, 1), dtype=np.float32)
    answers = Graph(tmp_path / "model.xml")(images)
    assert answers["class_maps"].shape == (70, 4, 4, 3)
    assert answers["embedding"].shape == (70, 144)
    np.testing.assert_allclose(answers["logits"], network.predict(images, verbose=0), atol=1e-4)


def test_the_lung_graph_gives_probabilities(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    export_lungs(build("lung_unet", input_size=128, classes=1), tmp_path)
    images = np.random.default_rng(1).random((2, 128, 128, 1), dtype=np.float32)
    answers = Graph(tmp_path / "lungs.xml")(images)["lungs"]
    assert answers.shape == (2, 128, 128, 1)
    assert 0 < answers.min() < answers.max() < 1


def test_a_difference_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PARITY_TOLERANCE", 0.0)
    network = build("compact_resnet", input_size=64, classes=3)
    # Without training the last convolutions are zero; give them something to disagree about.
    random = np.random.default_rng(2)
    network.set_weights([w + random.normal(0, 0.05, w.shape) for w in network.get_weights()])
    with pytest.raises(ExportParityError, match="differs from the network"):
        export_classifier(network, tmp_path)


def test_exporting_leaves_nothing_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's converter would write an identifier there, and report to its makers."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CI", raising=False)
    export_lungs(build("lung_unet", input_size=128, classes=1), tmp_path)
    assert list(home.iterdir()) == []
    assert "CI" not in os.environ
