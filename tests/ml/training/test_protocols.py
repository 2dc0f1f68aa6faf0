"""What is trained on which images, when a source is left out and for the negative controls."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.model_folder import read_spec
from ml.training.config import TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.controls import version_controls
from ml.training.lineage import recorded_config
from ml.training.protocols import generalisation
from ml.training.run import train
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.training

CLASSES = {"normal": ("normal",), "covid19": ("covid19",)}


@pytest.fixture
def config(make_manifest: ManifestMaker, bundled_model: Path, tmp_path: Path) -> TrainingConfig:
    """Two sources with both findings, one with COVID-19 only; one patient is in two of them."""
    per_fold = {
        "here": ("normal", "covid19") * 8,
        "there": ("normal", "covid19") * 8,
        "cases": ("covid19",) * 8,
    }
    rows = [
        {"label": label, "fold": fold, "source": source, "group": f"{source}-{fold}-{i}", "licence": "CC0"}
        for fold in range(3)
        for source, labels in per_fold.items()
        for i, label in enumerate(labels)
    ]
    rows[0]["group"] = rows[16]["group"] = "in both"
    return TrainingConfig(
        manifests=(make_manifest(rows),),
        out_dir=tmp_path / "version",
        lungs=bundled_model,
        input_size=32,
        classes=CLASSES,
        epochs=1,
        epoch_size=16,
        batch_size=8,
        precision="float32",
        progressive_resizing=False,
        surroundings=0.5,
        without_lungs=0.1,
        quantise=False,
        cache_dir=tmp_path / "cache",
    )


@pytest.mark.timeout(600)
def test_every_source_with_covid19_is_left_out_once(config: TrainingConfig) -> None:
    steps: list[TrainingProgress] = []
    figures = generalisation(config, progress=steps.append)
    outside = figures["leave_one_source_out"]
    assert {name: one["n"] for name, one in outside.items()} == {"cases": 24, "here": 48, "there": 48}
    assert outside["cases"]["covid19_auroc"] is None
    assert outside["cases"]["macro_f1"] is None
    assert 0 <= outside["cases"]["sensitivity"] <= 1
    known = [outside[name]["covid19_auroc"] for name in ("here", "there")]
    assert figures["mean_covid19_auroc"] == pytest.approx(np.mean(known), abs=1e-4)
    assert set(figures["within_source"]) <= {"cases", "here", "there"}
    for control in ("shuffled_labels", "lungs_blacked_out"):
        assert figures[control]["n"] == figures["same_sources"]["n"] == 40
        assert figures[control]["chance"] == 0.5
        assert 0 <= figures[control]["balanced_accuracy"] <= 1
    stages = {step.stage.partition(":")[0] for step in steps if step.stage.endswith("training")}
    assert stages == {
        "without cases",
        "without here",
        "without there",
        "all sources",
        "shuffled labels",
        "without lungs",
    }


def test_an_unknown_source_cannot_be_left_out(config: TrainingConfig) -> None:
    with pytest.raises(TrainingConfigError, match="No source to leave out: elsewhere"):
        generalisation(config, left_out=["elsewhere"], progress=lambda _: None)


@pytest.mark.timeout(600)
def test_controls_are_trained_by_the_recipe_that_a_version_records(
    config: TrainingConfig, tmp_path: Path
) -> None:
    folder = train(config, progress=lambda _: None)
    recalibrated = replace(config, out_dir=tmp_path / "again", init=folder, epochs=0)
    again = train(recalibrated, progress=lambda _: None)
    recorded = recorded_config(again, config.manifests, cache_dir=config.cache_dir)
    assert replace(recorded, out_dir=config.out_dir, lungs=config.lungs, classes=CLASSES) == config
    assert recorded.preprocessing.to_json() == read_spec(folder).preprocessing
    figures = version_controls(again, *config.manifests, cache_dir=config.cache_dir, progress=lambda _: None)
    assert set(figures) == {"shuffled_labels", "lungs_blacked_out"}

    (folder / "lineage.json").unlink()
    with pytest.raises(TrainingConfigError, match="how it was trained is not known"):
        recorded_config(folder, config.manifests)
    assert json.loads((again / "lineage.json").read_text())["settings"]["epochs"] == 0
