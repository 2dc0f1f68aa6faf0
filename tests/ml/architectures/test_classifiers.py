"""Every network by name trains on phantoms, exports to one graph, and explains itself in one pass."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from apps.registry.engine import ARCHITECTURES
from ml.architectures import (
    CLASSIFIERS,
    ENSEMBLE,
    InputSizeError,
    UnknownArchitectureError,
    build,
    check_input_size,
)
from ml.contracts import Finding, FloatImage
from ml.explain.gradcam import GradCam
from ml.graph import Graph
from ml.phantom import FULL_SCALE, phantom
from ml.training.export import OUTPUTS, export_classifier

pytestmark = pytest.mark.training

STEPS = 2


def phantoms(side: int) -> tuple[FloatImage, FloatImage]:
    """Draw a phantom of each of two findings, (2, side, side, 1), and their one-hot targets."""
    labels = (Finding.NORMAL, Finding.COVID19)
    images = [phantom(label, seed=i, size=(side, side)) / FULL_SCALE for i, label in enumerate(labels)]
    return np.array(images, np.float32)[..., np.newaxis], np.eye(2, dtype=np.float32)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_network_trains_exports_and_explains_itself(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    side = CLASSIFIERS[name].smallest + 32  # more than one place in the class maps
    images, targets = phantoms(side)
    network = build(name, input_size=side, classes=2)
    first = next(layer for layer in network.layers if layer.trainable_variables)
    untrained = first.get_weights()[0]
    # Eagerly: tracing the larger networks takes longer than a few steps.
    network.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    losses = [float(network.train_on_batch(images, targets)) for _ in range(STEPS)]
    assert np.isfinite(losses).all()
    assert (first.get_weights()[0] != untrained).any(), "the gradient must reach the first layer"

    export_classifier(network, tmp_path)
    answers = Graph(tmp_path / "model.xml")(images)
    assert tuple(answers) == OUTPUTS
    class_maps = answers["class_maps"]
    scale = max(1.0, float(np.abs(class_maps).max()))
    expected = np.asarray(network(images, training=False))
    np.testing.assert_allclose(answers["logits"], expected, atol=1e-3 * scale)
    kernel, bias = network.get_layer("logits").get_weights()
    for logits in (class_maps.mean(axis=(1, 2)) + bias, answers["embedding"] @ kernel + bias):
        np.testing.assert_allclose(logits, answers["logits"], atol=1e-5 * scale)

    places = class_maps.shape[1] * class_maps.shape[2]
    assert places > 1
    evidence = GradCam(network).evidence(images, 1)
    np.testing.assert_allclose(class_maps[..., 1] / places, evidence, atol=1e-5 * scale)


@pytest.mark.parametrize("name", ["compact_resnet", "multi_kernel_cnn", "mobilenet_v2", "vgg16"])
def test_weights_do_not_depend_on_the_size_of_the_image(name: str) -> None:
    small = build(name, input_size=64, classes=3)
    build(name, input_size=None, classes=3).set_weights(small.get_weights())


def test_grey_and_its_copy_in_three_channels_look_alike() -> None:
    images, _ = phantoms(32)
    grey, colour = (build("vgg16", input_size=32, classes=2, channels=channels) for channels in (1, 3))
    colour.set_weights(grey.get_weights())
    # Grey is not swapped from red-green-blue to blue-green-red, and need not be.
    np.testing.assert_allclose(
        np.asarray(colour(np.repeat(images, 3, axis=-1))), np.asarray(grey(images)), atol=1e-5
    )


def test_an_image_too_small_for_the_network_is_refused() -> None:
    check_input_size("inception_v3", 75)
    with pytest.raises(InputSizeError, match="inception_v3 needs images of at least 75 x 75 px, not 64"):
        build("inception_v3", input_size=64, classes=2)


def test_an_unknown_network_lists_the_known_ones() -> None:
    with pytest.raises(UnknownArchitectureError, match="'vgg99'; known: compact_resnet, densenet121"):
        build("vgg99", input_size=64, classes=2)


def test_the_registry_knows_the_networks_that_are_built_here() -> None:
    """It keeps their names by itself, since this package brings Keras into the process."""
    assert {*CLASSIFIERS, ENSEMBLE} == ARCHITECTURES
