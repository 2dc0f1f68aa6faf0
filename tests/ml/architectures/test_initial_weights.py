"""Weights that a site brings are loaded where they fit, counted, and refused where none does."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from ml.architectures import build
from ml.architectures.applications import APPLICATIONS
from ml.architectures.initial_weights import IMAGENET, InitialWeightsError, find_weights, load_weights

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def published() -> keras.Model:
    """Give VGG16 as `keras.applications` builds it, with weights of its own."""
    keras.utils.set_random_seed(2)
    return APPLICATIONS["vgg16"].backbone()


def features(network: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(network.input, network.get_layer("features").output)(images))


@pytest.mark.parametrize("file_name", ["vgg16.weights.h5", "vgg16_notop.h5"])
def test_a_published_network_answers_inside_ours_as_outside(
    file_name: str, published: keras.Model, tmp_path: Path
) -> None:
    path = tmp_path / file_name
    if file_name.endswith(".weights.h5"):
        published.save_weights(path)
    else:
        published.save(path, include_optimizer=False)  # Keras' older layout, which its own files have
    network = build("vgg16", input_size=32, classes=3)
    loaded = load_weights(network, "vgg16", find_weights("vgg16", path))
    assert (loaded.layers, loaded.of) == (13, 14)
    assert str(loaded) == "13 of 14 layers took their weights from the file"
    images = np.random.default_rng(0).random((2, 32, 32, 1), dtype=np.float32)
    expected = keras.applications.vgg16.preprocess_input(np.repeat(images * 255, 3, axis=-1))
    np.testing.assert_allclose(features(network, images), np.asarray(published(expected)), atol=1e-4)


def test_our_own_weights_load_whole_but_for_other_classes(tmp_path: Path) -> None:
    parent = build("compact_resnet", input_size=64, classes=3)
    path = tmp_path / "model.weights.h5"
    random = np.random.default_rng(0)
    parent.set_weights([w + random.normal(0.1, 0.05, w.shape) for w in parent.get_weights()])
    parent.save_weights(path)
    same = load_weights(build("compact_resnet", input_size=None, classes=3), "compact_resnet", path)
    assert same.layers == same.of
    fewer = build("compact_resnet", input_size=64, classes=2)
    loaded = load_weights(fewer, "compact_resnet", path)
    assert loaded.layers == loaded.of - 1
    for ours, theirs in zip(fewer.get_weights()[:-2], parent.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_efficientnet_standardises_once(tmp_path: Path) -> None:
    path = tmp_path / "efficientnet.weights.h5"
    published = APPLICATIONS["efficientnet_b0"].backbone()
    # By its type: Keras numbers names by what the process has built before.
    (statistics,) = (x for x in published.layers if isinstance(x, keras.layers.Normalization))
    statistics.set_weights([np.full(3, 0.45), np.full(3, 0.22), np.array(0)])
    published.save_weights(path)
    network = build("efficientnet_b0", input_size=32, classes=2)
    load_weights(network, "efficientnet_b0", path)
    (kept,) = (layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, _ = kept.get_weights()
    assert not mean.any()
    assert (variance == 1).all()


def test_a_file_of_another_network_is_refused(published: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "vgg16.weights.h5"
    published.save_weights(path)
    network = build("compact_resnet", input_size=64, classes=3)
    with pytest.raises(InitialWeightsError, match="not one of its 37 layers"):
        load_weights(network, "compact_resnet", path)


@pytest.mark.parametrize("name", ["noise.weights.h5", "noise.h5"])
def test_a_file_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"not HDF5")
    with pytest.raises(InitialWeightsError, match="holds no weights of vgg16"):
        load_weights(build("vgg16", input_size=32, classes=2), "vgg16", tmp_path / name)


def test_a_missing_or_unknown_file_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InitialWeightsError, match="does not exist"):
        find_weights("vgg16", tmp_path / "none.weights.h5")
    (tmp_path / "model.pt").touch()
    with pytest.raises(InitialWeightsError, match="is no weights file"):
        find_weights("vgg16", tmp_path / "model.pt")


def test_imagenet_weights_come_from_keras_cache_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InitialWeightsError, match=r"resnet50_\S+_notop.h5 in .*models"):
        find_weights("resnet50", IMAGENET)
    with pytest.raises(InitialWeightsError, match="no ImageNet weights of compact_resnet"):
        find_weights("compact_resnet", IMAGENET)
    cached = tmp_path / "models" / APPLICATIONS["resnet50"].weights_file
    cached.parent.mkdir()
    cached.touch()
    assert find_weights("resnet50", IMAGENET) == cached


def test_the_cached_names_are_those_that_keras_uses() -> None:
    for name, application in APPLICATIONS.items():
        module = __import__(application.make.__module__, fromlist=["__file__"])
        written = Path(str(module.__file__)).read_text()
        ending = application.weights_file.rpartition("_")[2]
        assert ending in written, f"Keras' file of {name} no longer ends in {ending}"
