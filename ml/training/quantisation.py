"""Serve in 8-bit integers where that changes nothing: quantise, compare with the network, and say so.

The weights and activations of an INT8 graph take a quarter of the space, and processors with VNNI or
AMX multiply them several times faster. Post-training quantisation needs no gradient, only a few
hundred training images to see which values occur (Jacob 2018).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from ml.architectures import ENSEMBLE, build
from ml.contracts import FloatImage, ModelSpec
from ml.datasets.augmentation import as_tensor
from ml.evaluation.calibration import Targets, calibrated
from ml.graph import Graph
from ml.model_folder import EXPORT_REPORT, INT8_FILES, WEIGHTS_NAME, read_spec
from ml.training.telemetry import no_telemetry

CALIBRATION_IMAGES = 300
"""Training images that quantisation looks at."""

MAX_LABEL_FLIPS = 0.005
MAX_POINTS_LOST = 0.2
"""An INT8 graph that changes more labels, or loses more percentage points of accuracy, does not serve."""

INT8_GRAPH = INT8_FILES[0]


def export_reduced(
    folder: Path,
    *,
    calibration: NDArray[np.uint8],
    images: FloatImage,
    targets: Targets,
    seed: int,
) -> None:
    """Quantise a version by crops of its training side, and write `export.json` about `images`.

    An INT8 graph that may not serve is not kept; the report says why.
    """
    export_int8(folder, calibration, seed=seed)
    report = export_report(folder, images, targets)
    if not report["int8"]["accepted"]:
        for name in INT8_FILES:
            (folder / name).unlink()
    (folder / EXPORT_REPORT).write_text(json.dumps(report, indent=1) + "\n")


def export_int8(folder: Path, crops: NDArray[np.uint8], *, seed: int) -> None:
    """Write `model-int8.xml` and `.bin` from a version's `model.xml`.

    `crops`: the training side's (n, size, size) or (n, size, size, 3), of which at most
    `CALIBRATION_IMAGES` are drawn. Takes seconds for a small network.
    """
    count = min(len(crops), CALIBRATION_IMAGES)
    chosen = np.random.default_rng(seed).choice(len(crops), count, replace=False)
    images = as_tensor(crops[chosen])
    # NNCF draws progress bars on standard output, which belongs to a command's answer.
    with no_telemetry(), redirect_stdout(StringIO()):
        import nncf  # not above: what it reports is decided when it is imported

        logging.getLogger("nncf").setLevel(logging.WARNING)
        graph = openvino.Core().read_model(str(folder / "model.xml"))
        quantised = nncf.quantize(
            graph,
            nncf.Dataset([images[i : i + 1] for i in range(count)]),
            subset_size=count,
            target_device=nncf.TargetDevice.CPU,
            # Asymmetric activations: after a ReLU half of a symmetric range would lie empty.
            preset=nncf.QuantizationPreset.MIXED,
            # The quick correction leaves four times the error in the logits.
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(
                names=_ends(graph), types=["ReduceMean", "MatMul"], validate=False
            ),
        )
    openvino.save_model(quantised, str(folder / INT8_GRAPH), compress_to_fp16=False)


def _ends(graph: Any) -> list[str]:
    """Name the convolutions that stay in floats: those that read the image, and the class maps' own.

    They cost little; on the bundled network keeping them halves the labels that change.
    """
    ends = set()
    ahead = [graph.inputs[0].get_node()]
    while ahead:
        for port in ahead.pop().output(0).get_target_inputs():
            node = port.get_node()
            if node.get_type_name() == "Convolution":
                ends.add(node.get_friendly_name())
            elif node.get_output_size():
                ahead.append(node)
    behind = [graph.output("class_maps").get_node()]
    while behind:
        node = behind.pop()
        if node.get_type_name() == "Convolution":
            ends.add(node.get_friendly_name())
        else:
            behind.extend(value.get_node() for value in node.input_values())
    return sorted(ends)


def export_report(folder: Path, images: FloatImage, targets: Targets) -> dict[str, Any]:
    """Compare a version's graphs with its Keras network on images (n, size, size, channels) in [0, 1].

    For `f32`, `bf16` and, where the version has it, `int8`: `max_difference` of any calibrated
    probability; `accuracy_points` gained or lost, in percentage points; `label_flips`, the share of images
    whose most probable label changes; for `int8` also whether it is `accepted` for serving. An ensemble
    has no network of its own: its f32 graph is the measure.
    """
    spec = read_spec(folder)
    graphs = {"f32": Graph(folder / "model.xml"), "bf16": Graph(folder / "model.xml", precision="bf16")}
    if (folder / INT8_GRAPH).is_file():
        # Its floats in bf16, as serving has them on most processors that make INT8 worth it.
        graphs["int8"] = Graph(folder / INT8_GRAPH, precision="bf16")
    expected = calibrated(_reference(folder, spec, images), spec.temperature)
    report: dict[str, Any] = {"images": len(images)}
    for name, graph in graphs.items():
        found = calibrated(graph(images)["logits"], spec.temperature)
        report[name] = _difference(expected, found, targets)
    if "int8" in report:
        report["int8"]["accepted"] = acceptable(report["int8"])
    return report


def acceptable(figures: Mapping[str, float]) -> bool:
    """Tell whether a reduced graph may serve in the place of the full one."""
    return figures["label_flips"] <= MAX_LABEL_FLIPS and figures["accuracy_points"] >= -MAX_POINTS_LOST


def _reference(folder: Path, spec: ModelSpec, images: FloatImage) -> FloatImage:
    if spec.architecture == ENSEMBLE:
        return Graph(folder / "model.xml")(images)["logits"]
    network = build(
        spec.architecture, input_size=spec.input_size, classes=len(spec.labels), channels=images.shape[-1]
    )
    network.load_weights(folder / WEIGHTS_NAME)
    return np.asarray(network.predict(images, batch_size=64, verbose=0))


def _difference(expected: NDArray[Any], found: NDArray[Any], targets: Targets) -> dict[str, float]:
    before, after = expected.argmax(axis=1), found.argmax(axis=1)
    gained = float((after == targets).mean() - (before == targets).mean())
    return {
        "max_difference": round(float(np.abs(expected - found).max()), 6),
        "accuracy_points": round(100 * gained, 3),
        "label_flips": round(float((before != after).mean()), 5),
    }
