"""An ensemble is one graph whose answer, and whose explanation, is the mean of its members'."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import openvino
import pytest

from ml.architectures.ensemble import (
    EnsembleError,
    area_resampling,
    check_unseen,
    join_members,
    read_members,
)
from ml.contracts import FloatImage
from ml.graph import Graph
from ml.model_folder import write_spec
from tests.ml.tiny_version import write_tiny_version

IMAGES = np.random.default_rng(0).random((3, 64, 64, 1), dtype=np.float32)


def answers(folder: Path, images: FloatImage = IMAGES) -> dict[str, FloatImage]:
    return Graph(folder / "model.xml")(images)


def test_logits_and_class_maps_are_the_members_mean(tmp_path: Path) -> None:
    write_tiny_version(tmp_path / "a")
    write_tiny_version(tmp_path / "b", slopes=(1.0, 2.0, 3.0, 4.0, 5.0), temperature=2.0)
    join_members(read_members([tmp_path / "a", tmp_path / "b"]), tmp_path / "model.xml")
    first, second, joined = (answers(folder) for folder in (tmp_path / "a", tmp_path / "b", tmp_path))
    for name in ("logits", "class_maps"):
        np.testing.assert_allclose(joined[name], (first[name] + second[name] / 2) / 2, atol=1e-6)
    np.testing.assert_allclose(joined["class_maps"].mean(axis=(1, 2)), joined["logits"], atol=1e-5)


def test_members_of_other_sizes_see_the_image_reduced_and_share_the_finest_grid(tmp_path: Path) -> None:
    for name, side in (("small", 64), ("large", 96)):
        spec = write_tiny_version(tmp_path / name, input_size=side)
        graph = openvino.Core().read_model(str(tmp_path / name / "model.xml"))
        graph.reshape([-1, side, side, 1])
        openvino.save_model(graph, str(tmp_path / "reshaped.xml"), compress_to_fp16=False)
        for suffix in ("xml", "bin"):
            (tmp_path / f"reshaped.{suffix}").replace(tmp_path / name / f"model.{suffix}")
        write_spec(tmp_path / name, spec)
    join_members(read_members([tmp_path / "small", tmp_path / "large"]), tmp_path / "model.xml")
    images = np.random.default_rng(1).random((2, 96, 96, 1), dtype=np.float32)
    reduced = np.array([cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA) for image in images])
    small = answers(tmp_path / "small", reduced[..., np.newaxis])["logits"]
    large = answers(tmp_path / "large", images)["logits"]
    joined = answers(tmp_path, images)
    np.testing.assert_allclose(joined["logits"], (small + large) / 2, atol=1e-4)
    assert joined["class_maps"].shape == (2, 12, 12, 5)
    np.testing.assert_allclose(joined["class_maps"].mean(axis=(1, 2)), joined["logits"], atol=1e-4)


@pytest.mark.parametrize(("source", "target"), [(4, 6), (10, 7), (160, 64), (5, 5)])
def test_resampling_by_area_keeps_the_mean(source: int, target: int) -> None:
    values = np.random.default_rng(2).random((source, source)).astype(np.float32)
    matrix = area_resampling(source, target)
    assert (matrix @ values @ matrix.T).mean() == pytest.approx(values.mean(), rel=1e-5)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("e", "d", "c", "b", "a")}, "do not share their labels"),
        ({"preprocessing_version": "other"}, "do not share their preprocessing"),
    ],
)
def test_members_that_answer_other_questions_are_refused(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    write_tiny_version(tmp_path / "a")
    write_tiny_version(tmp_path / "b", **changes)  # type: ignore[arg-type]  # varied by name
    with pytest.raises(EnsembleError, match=message):
        read_members([tmp_path / "a", tmp_path / "b"])


def test_one_member_is_no_ensemble(tmp_path: Path) -> None:
    with pytest.raises(EnsembleError, match="at least two"):
        read_members([tmp_path])


def test_a_member_that_learned_from_the_test_fold_is_refused(tmp_path: Path) -> None:
    settings = {"folds": None, "test_fold": 0, "calibration_fold": None, "seed": 1}
    grandparent = {"settings": {**settings, "test_fold": 3}, "manifests": {"site.csv": "33"}, "parent": None}
    lineage = {
        "settings": settings,
        "manifests": {"public.csv": "11"},
        "parent": {"name": "cxr", "sha256": "0", "lineage": grandparent},
    }
    for name in ("a", "b"):
        spec = write_tiny_version(tmp_path / name)
        (tmp_path / name / "lineage.json").write_text(json.dumps(lineage))
        write_spec(tmp_path / name, spec)
    members = read_members([tmp_path / "a", tmp_path / "b"])
    check_unseen(members, manifests={"public.csv": "11"}, settings=settings)
    check_unseen(members, manifests={"elsewhere.csv": "22"}, settings={**settings, "test_fold": 2})
    with pytest.raises(EnsembleError, match="this run holds out folds None, test_fold 2"):
        check_unseen(members, manifests={"public.csv": "11"}, settings={**settings, "test_fold": 2})
    with pytest.raises(EnsembleError, match="test_fold 3"):
        check_unseen(members, manifests={"site.csv": "33"}, settings=settings)
