"""The audit reads features from exported graphs and replaces what they have learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from ml.audit.checks import NotAvailableError, Verdict
from ml.audit.graphs import EMBEDDING, graph_with_embedding, graph_with_noise
from ml.audit.network import AuditedNetwork
from ml.audit.sanity import CASCADE, sanity
from ml.audit.subject import Sample, Subject
from ml.graph import Graph
from ml.model_folder import read_spec
from tests.ml.audit.planted import films
from tests.ml.audit.situations import row
from tests.ml.conftest import BUNDLED

SIZE = 32


def write_constant_maps(path: Path) -> None:
    """Write a graph whose convolution has equal weights: shuffling them changes nothing."""
    image = ops.parameter([-1, SIZE, SIZE, 1], np.float32, name="image")
    first = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2])))
    kernel = ops.constant(np.ones((2, 1, 4, 4), np.float32))
    convolved = ops.convolution(first, kernel, [4, 4], [0, 0], [0, 0], [1, 1])
    maps = ops.transpose(convolved, ops.constant(np.array([0, 2, 3, 1])))
    maps.output(0).get_tensor().set_names({"class_maps"})
    logits = ops.reduce_mean(maps, ops.constant(np.array([1, 2])), False)
    logits.output(0).get_tensor().set_names({"logits"})
    model = openvino.Model([ops.result(logits), ops.result(maps)], [image], "constant")
    openvino.save_model(model, str(path), compress_to_fp16=False)


def test_features_are_those_behind_the_class_maps(tmp_path: Path) -> None:
    write_constant_maps(tmp_path / "model.xml")
    images = np.random.default_rng(0).random((3, SIZE, SIZE, 1), dtype=np.float32)
    answers = graph_with_embedding(tmp_path / "model.xml")(images)
    # The convolution reads the image itself here, so its mean is the pooled feature.
    np.testing.assert_allclose(answers[EMBEDDING], images.mean(axis=(1, 2)), atol=1e-6)
    plain = Graph(tmp_path / "model.xml")(images)
    np.testing.assert_array_equal(answers["logits"], plain["logits"])


def test_noise_changes_what_was_learned_and_is_repeatable() -> None:
    path = BUNDLED / "model.xml"
    size = read_spec(BUNDLED).input_size
    images = np.random.default_rng(0).random((2, size, size, 1), dtype=np.float32)
    plain = Graph(path)(images)["class_maps"]
    noisy = [graph_with_noise(path, share=1.0, seed=seed)(images)["class_maps"] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert not np.allclose(noisy[0], noisy[2])
    assert not np.allclose(noisy[0], plain)


def test_a_graph_without_weights_has_nothing_to_replace(tmp_path: Path) -> None:
    image = ops.parameter([-1, SIZE, SIZE, 1], np.float32, name="image")
    model = openvino.Model([ops.result(ops.relu(image))], [image], "none")
    openvino.save_model(model, str(tmp_path / "model.xml"))
    with pytest.raises(NotAvailableError, match="no layer with weights"):
        graph_with_noise(tmp_path / "model.xml", share=1.0, seed=0)


def subject_of(folder: Path, network: AuditedNetwork, *, n: int = 4, **changes: Any) -> Subject:
    """Give a version in `folder` whose sample are phantoms that the bundled network has answered."""
    made = Subject(
        folder=folder,
        spec=read_spec(BUNDLED),
        network=network,
        rows=[row(i, "normal") for i in range(n)],
        targets=np.zeros(n, np.intp),
        **changes,
    )
    chosen = films()[:n]
    vars(made)["sample"] = Sample(np.arange(n), chosen, network.answers(chosen))
    return made


@pytest.fixture(scope="module")
def network() -> AuditedNetwork:
    return AuditedNetwork(BUNDLED, read_spec(BUNDLED))


def test_the_bundled_models_maps_depend_on_what_it_learned(network: AuditedNetwork) -> None:
    check = sanity(subject_of(BUNDLED, network))
    assert check.verdict == Verdict.PASS
    assert set(check.details["likeness_after_noise_in"]) == set(CASCADE)
    assert "has not been done" in check.meaning


def test_shuffled_labels_that_were_learned_fail_and_are_inherited(
    network: AuditedNetwork,
) -> None:
    shuffled = {"balanced_accuracy": 0.6, "chance": 0.2}
    check = sanity(subject_of(BUNDLED, network, controls={"shuffled_labels": shuffled}))
    assert check.verdict == Verdict.FAIL
    assert "reached 60% where guessing gives 20%" in check.meaning
    child = sanity(subject_of(BUNDLED, network, parent={"checks": [check.to_json()]}))
    assert child.verdict == Verdict.FAIL
    assert child.details["shuffled_labels_inherited"]
