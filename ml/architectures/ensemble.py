"""Several versions as one graph: their mean, under the same contract as a single network.

The mean is taken of the logits after each member's own temperature. Up to a constant that softmax
does not see, this is the geometric mean of the members' calibrated probabilities, so that one member
who is certain by mistake cannot outvote the others by scale alone. And it is linear: the mean of the
class maps, weighted alike, explains exactly the mean of the logits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops

from ml.contracts import FloatImage, ModelSpec
from ml.model_folder import check_folder
from ml.preprocessing import Preprocessing

LUNG_WEIGHTS = "lungs.bin"
"""Members see the same crop only if the same network finds the lungs."""


class EnsembleError(ValueError):
    """These versions cannot be asked together; says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A version's folder and its checked spec."""

    folder: Path
    spec: ModelSpec

    def lineages(self) -> Iterator[Mapping[str, Any]]:
        """Give its lineage, and those of all the versions that it came from."""
        pending = [json.loads((self.folder / "lineage.json").read_text())]
        while pending:
            lineage = pending.pop()
            yield lineage
            parents = [lineage.get("parent"), *lineage.get("members", ())]
            pending.extend(parent["lineage"] for parent in parents if parent)


def read_members(folders: Sequence[Path]) -> list[Member]:
    """Check the folders of at least two versions that see the same crop and answer for the same labels.

    Raises `EnsembleError` or `ModelFolderError`.
    """
    if len(folders) < 2:
        raise EnsembleError(f"An ensemble needs at least two versions, {len(folders)} given.")
    members = [Member(folder, check_folder(folder)) for folder in folders]
    first = members[0].spec
    for other in (member.spec for member in members[1:]):
        for name, ours, theirs in (
            ("labels", first.labels, other.labels),
            ("preprocessing", first.preprocessing_version, other.preprocessing_version),
            ("preprocessing", first.preprocessing, other.preprocessing),
            ("lung network", first.files[LUNG_WEIGHTS], other.files[LUNG_WEIGHTS]),
        ):
            if ours != theirs:
                raise EnsembleError(
                    f"{first.name} ({first.architecture}) and {other.name} ({other.architecture}) do not "
                    f"share their {name}: {ours} and {theirs}. Train the members alike, apart from the "
                    "architecture."
                )
    return members


def check_unseen(
    members: Sequence[Member], *, manifests: Mapping[str, str], settings: Mapping[str, Any]
) -> None:
    """Raise `EnsembleError` when a member, or what it came from, learned from the run's held-out folds.

    `manifests`: SHA-256 by name; `settings`: the run's, as a lineage records them.
    """
    names = ["folds", "test_fold", "calibration_fold", *(["seed"] if settings["folds"] else [])]
    wanted = {name: settings[name] for name in names}
    for member in members:
        for lineage in member.lineages():
            found = {name: lineage["settings"].get(name) for name in names}
            if found != wanted and set(manifests.values()) & set(lineage["manifests"].values()):
                raise EnsembleError(
                    f"{member.folder.name} was trained on the same manifest with {_listed(found)}; this run "
                    f"holds out {_listed(wanted)}. Measured so, the ensemble would know its test images: use "
                    "members trained with the same folds."
                )


def shared_settings(members: Sequence[Member]) -> dict[str, Any]:
    """Give what an ensemble has from its members, as settings of a training run."""
    spec = members[0].spec
    return {
        "input_size": input_size(members),
        "preprocessing": Preprocessing.from_json(spec.preprocessing),
        "classes": {name: tuple(spec.classes.get(name, (name,))) for name in spec.labels},
        "lungs": members[0].folder,
    }


def join_members(members: Sequence[Member], path: Path) -> None:
    """Write the graph (`.xml`, `.bin` beside it) of the mean of all members.

    It takes the image at the largest member's size. Outputs: `logits` [n, k], `class_maps` [n, h, w, k] on
    the finest member's grid, and, where every member has one, `embedding` [n, sum of c].
    """
    core = openvino.Core()
    graphs: list[Any] = [core.read_model(str(member.folder / "model.xml")) for member in members]
    size = input_size(members)
    image = ops.parameter([-1, size, size, graphs[0].inputs[0].get_partial_shape()[3].get_length()])
    image.output(0).get_tensor().set_names({"image"})
    outputs = [_outputs(graph, image) for graph in graphs]
    grid = max(maps["class_maps"].get_partial_shape()[1].get_length() for maps in outputs)
    weights = [1 / (len(members) * member.spec.temperature) for member in members]
    joined = {
        "logits": _weighted_sum([each["logits"] for each in outputs], weights),
        "class_maps": _weighted_sum([_resampled(each["class_maps"], grid) for each in outputs], weights),
    }
    if all("embedding" in each for each in outputs):
        joined["embedding"] = ops.concat([each["embedding"] for each in outputs], axis=1)
    for name, node in joined.items():
        node.output(0).get_tensor().set_names({name})
    graph = openvino.Model([ops.result(node) for node in joined.values()], [image], "ensemble")
    openvino.save_model(graph, str(path), compress_to_fp16=False)


def input_size(members: Sequence[Member]) -> int:
    """Give the side, in pixels, of the image that the joined graph takes."""
    return max(member.spec.input_size for member in members)


def area_resampling(source: int, target: int) -> FloatImage:
    """Give the matrix (target, source) that averages over areas in one dimension.

    A target cell is the mean of the source cells that it overlaps, by length. Every source cell counts
    alike in total, so that a mean over all cells stays what it was, in both directions.
    """
    edges = np.arange(target + 1) * source / target
    lower, upper = edges[:-1, np.newaxis], edges[1:, np.newaxis]
    cells = np.arange(source)
    overlap = np.minimum(upper, cells + 1) - np.maximum(lower, cells)
    return np.asarray(np.maximum(overlap, 0) * target / source, np.float32)


def _outputs(graph: Any, image: Any) -> dict[str, Any]:
    """Let a member's graph look at the shared image; returns its outputs by name."""
    names = {name: port for port in graph.outputs for name in port.get_names()}
    sources = {name: port.get_node().input_value(0) for name, port in names.items()}
    for port in (*graph.inputs, *graph.outputs):
        port.get_tensor().set_names(set())  # a name may occur once in the joined graph
    (parameter,) = graph.inputs
    seen = _resampled(image.output(0), parameter.get_partial_shape()[1].get_length())
    for port in parameter.get_target_inputs():
        port.replace_source_output(seen)
    return sources


def _resampled(values: Any, side: int) -> Any:
    """Bring [n, s, s, c] to [n, side, side, c] by averaging over areas."""
    source = values.get_partial_shape()[1].get_length()
    if source == side:
        return values
    matrix = ops.constant(area_resampling(source, side))
    channels_first = ops.transpose(values, ops.constant([0, 3, 1, 2]))
    rows = ops.matmul(matrix, channels_first, False, False)
    both = ops.matmul(rows, matrix, False, True)
    return ops.transpose(both, ops.constant([0, 2, 3, 1])).output(0)


def _weighted_sum(values: Sequence[Any], weights: Sequence[float]) -> Any:
    parts = [
        ops.multiply(value, ops.constant(np.float32(weight)))
        for value, weight in zip(values, weights, strict=True)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = ops.add(total, part)
    return total


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
