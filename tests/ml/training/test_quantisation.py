"""An INT8 graph is made, held against the network, and serves only where it changes next to nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from ml.architectures import build
from ml.contracts import Finding
from ml.datasets.augmentation import as_tensor
from ml.graph import Graph
from ml.inference import ModelLoadError, load
from ml.inference.graphs import chosen_precision, has_int8_instructions
from ml.model_folder import (
    EXPORT_REPORT,
    INT8_FILES,
    WEIGHTS_NAME,
    ModelFolderError,
    has_accepted_int8,
    read_spec,
    write_spec,
)
from ml.phantom import FULL_SCALE, phantom
from ml.training.export import export_classifier
from ml.training.quantisation import acceptable, export_int8, export_reduced, export_report
from tests.ml.tiny_version import write_tiny_version

SIDE = 64
LABELS = ("normal", "covid19")


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    images = [
        phantom(label, seed=seed, size=(SIDE, SIDE)) / FULL_SCALE
        for seed in range(6)
        for label in (Finding.NORMAL, Finding.COVID19)
    ]
    return (255 * np.array(images)).astype(np.uint8)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """Give a version of a network whose weights nobody trained, but which answers."""
    keras.utils.set_random_seed(5)
    network = build("compact_resnet", input_size=SIDE, classes=2)
    random = np.random.default_rng(5)
    network.set_weights([w + random.uniform(0, 0.02, w.shape) for w in network.get_weights()])
    names = dict.fromkeys(LABELS, 0.5)
    spec = write_tiny_version(
        tmp_path,
        architecture="compact_resnet",
        labels=LABELS,
        conformal_quantiles=names,
        operating_points=names,
        classes={name: [name] for name in LABELS},
    )
    export_classifier(network, tmp_path)
    network.save_weights(tmp_path / WEIGHTS_NAME)
    write_spec(tmp_path, spec)
    return tmp_path


@pytest.mark.training
def test_every_precision_is_held_against_the_network(version: Path, crops: np.ndarray) -> None:
    export_int8(version, crops, seed=1)
    assert (version / "model-int8.bin").stat().st_size < (version / "model.bin").stat().st_size / 2
    images = as_tensor(crops)
    full, reduced = (Graph(version / name)(images) for name in ("model.xml", "model-int8.xml"))
    assert tuple(reduced) == tuple(full)
    spread = np.ptp(full["embedding"])
    assert 0 < np.abs(reduced["embedding"] - full["embedding"]).max() < 0.2 * spread

    report = export_report(version, images, np.tile([0, 1], 6))
    assert report["images"] == 12
    assert report["f32"]["max_difference"] < 1e-4
    assert report["f32"]["label_flips"] == report["f32"]["accuracy_points"] == 0
    assert 0 < report["bf16"]["max_difference"] < 0.05
    assert report["int8"]["accepted"] == acceptable(report["int8"])


@pytest.mark.training
def test_a_refused_int8_graph_is_not_kept(
    version: Path, crops: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.training.quantisation.MAX_LABEL_FLIPS", -1.0)
    images = as_tensor(crops)
    export_reduced(version, calibration=crops, images=images, targets=np.tile([0, 1], 6), seed=1)
    assert json.loads((version / EXPORT_REPORT).read_text())["int8"]["accepted"] is False
    assert not any((version / name).exists() for name in INT8_FILES)


@pytest.mark.parametrize(
    ("flips", "points", "expected"),
    [(0.0, 0.0, True), (0.005, -0.2, True), (0.006, 0.0, False), (0.0, -0.3, False), (0.004, 0.4, True)],
)
def test_what_may_serve(flips: float, points: float, expected: bool) -> None:
    assert acceptable({"label_flips": flips, "accuracy_points": points}) is expected


def with_int8(folder: Path, report: str) -> Path:
    """Give a version whose INT8 graph is its full one, and an export report."""
    spec = write_tiny_version(folder)
    for name in INT8_FILES:
        shutil.copyfile(folder / name.replace("-int8", ""), folder / name)
    (folder / EXPORT_REPORT).write_text(report)
    write_spec(folder, spec)
    return folder


def test_an_accepted_int8_graph_serves(tmp_path: Path) -> None:
    folder = with_int8(tmp_path, '{"int8": {"accepted": true}}')
    assert load(folder, precision="int8").precision == "int8"
    assert load(folder).precision == chosen_precision("auto", int8_accepted=True)
    assert (load(folder).precision == "int8") == has_int8_instructions()
    assert load(folder, precision="f32").precision == "f32"


def test_an_int8_graph_that_was_not_accepted_does_not(tmp_path: Path) -> None:
    folder = with_int8(tmp_path, '{"int8": {"accepted": false}}')
    assert not has_accepted_int8(folder, read_spec(folder))
    assert load(folder).precision in ("bf16", "f32")
    with pytest.raises(ModelLoadError, match="no INT8 graph that answers as its full one"):
        load(folder, precision="int8")


def test_a_report_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="holds no readable export"):
        load(with_int8(tmp_path, "{}"))


def test_an_unknown_precision_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="auto, int8, bf16 or f32, not 'int3'"):
        chosen_precision("int3")
