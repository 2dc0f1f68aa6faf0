"""`--architecture ensemble` makes a version of registered ones without training anything."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.architectures.ensemble import EnsembleError
from ml.datasets.manifest import read_manifest
from ml.graph import Graph
from ml.inference import load
from ml.model_folder import check_folder, folder_digest, write_spec
from ml.training.config import TrainingConfig, TrainingConfigError
from ml.training.run import train
from tests.ml.conftest import BUNDLED, ManifestMaker
from tests.ml.tiny_version import write_tiny_version

LABELS = ("normal", "pneumonia")
CLASSES = {"normal": ["normal"], "pneumonia": ["viral_pneumonia", "bacterial_pneumonia"]}


def write_member(folder: Path, slopes: tuple[float, float], manifest_sha256: str = "") -> Path:
    values = dict.fromkeys(LABELS, 0.5)
    spec = write_tiny_version(
        folder,
        slopes=slopes,
        labels=LABELS,
        classes=CLASSES,
        conformal_quantiles=values,
        operating_points=values,
    )
    shutil.copyfile(BUNDLED / "lungs.json", folder / "lungs.json")
    settings = {"folds": None, "test_fold": 1, "calibration_fold": None, "seed": 20}
    lineage = {"settings": settings, "manifests": {"m": manifest_sha256}, "parent": None}
    (folder / "lineage.json").write_text(json.dumps(lineage))
    write_spec(folder, spec)
    return folder


@pytest.fixture
def config(make_manifest: ManifestMaker, tmp_path: Path) -> TrainingConfig:
    labels = ("normal", "normal", "viral_pneumonia", "bacterial_pneumonia")
    rows = [
        {"label": label, "fold": fold, "group": f"{fold}-{label}-{i}", "source": "drawn"}
        for fold in range(3)
        for i, label in enumerate(labels * 2)
    ]
    members = [
        write_member(tmp_path / "a", (-8.0, 8.0)),
        write_member(tmp_path / "b", (-2.0, 6.0)),
    ]
    return TrainingConfig(
        manifests=(make_manifest(rows),),
        out_dir=tmp_path / "version",
        lungs=members[0],
        architecture="ensemble",
        members=tuple(members),
    )


def test_an_ensemble_is_a_version_like_any_other(config: TrainingConfig) -> None:
    folder = train(config, progress=lambda _: None)
    spec = check_folder(folder)
    assert (spec.architecture, spec.labels, spec.input_size) == ("ensemble", LABELS, 64)
    assert {name: list(gathered) for name, gathered in spec.classes.items()} == CLASSES
    images = np.random.default_rng(0).random((2, 64, 64, 1), dtype=np.float32)
    first, second, joined = (
        Graph(where / "model.xml")(images)["logits"] for where in (*config.members, folder)
    )
    np.testing.assert_allclose(joined, (first + second) / 2, atol=1e-5)
    lineage = json.loads((folder / "lineage.json").read_text())
    assert [member["sha256"] for member in lineage["members"]] == [folder_digest(m) for m in config.members]
    assert lineage["history"] == []
    assert load(folder).spec == spec


def test_members_that_know_the_test_images_are_refused(config: TrainingConfig, tmp_path: Path) -> None:
    (digest,) = read_manifest(*config.manifests).sha256.values()
    knowing = write_member(tmp_path / "c", (1.0, 2.0), digest)
    with pytest.raises(EnsembleError, match="holds out folds None, test_fold 0"):
        train(replace(config, members=(config.members[0], knowing)), progress=lambda _: None)
    assert not config.out_dir.exists()


@pytest.mark.parametrize("change", [{"members": ()}, {"architecture": "compact_resnet"}])
def test_members_and_the_name_come_together(config: TrainingConfig, change: dict[str, object]) -> None:
    with pytest.raises(TrainingConfigError, match="give both or neither"):
        train(replace(config, **change), progress=lambda _: None)  # type: ignore[arg-type]  # varied by name
