"""Cross-validation measures every fold once, and goes on with the folds that are not done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml.datasets.manifest import ManifestError
from ml.training.config import TrainingConfig, TrainingProgress
from ml.training.folds import FIGURES, measure_folds
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.training


@pytest.fixture
def config(make_manifest: ManifestMaker, bundled_model: Path, tmp_path: Path) -> TrainingConfig:
    rows = [
        {"label": label, "fold": fold, "group": f"{fold}-{label}-{i}"}
        for fold in (0, 1, 4)
        for label in ("normal", "covid19")
        for i in range(2)
    ]
    return TrainingConfig(
        manifests=(make_manifest(rows),),
        out_dir=tmp_path / "none",
        lungs=bundled_model,
        architecture="multi_kernel_cnn",
        input_size=16,
        classes={"negative": ("normal",), "positive": ("covid19",)},
        epochs=1,
        batch_size=4,
        precision="float32",
        cache_dir=tmp_path / "cache",
    )


@pytest.mark.timeout(600)
def test_only_the_folds_that_are_not_done_are_trained(config: TrainingConfig, tmp_path: Path) -> None:
    kept = tmp_path / "folds"
    kept.mkdir()
    for fold, accuracy in ((0, 0.8), (1, 0.6)):
        figures = {"accuracy": accuracy, "balanced_accuracy": accuracy, "auroc_macro": None}
        (kept / f"fold-{fold}.json").write_text(json.dumps({"fold": fold, "n": 4, **figures}))
    steps: list[TrainingProgress] = []
    measured = measure_folds(config, kept=kept, progress=steps.append)
    assert [fold["fold"] for fold in measured["folds"]] == [0, 1, 4]
    trained = [step for step in steps if "loss" in step.metrics]
    assert [step.stage for step in trained] == ["cross-validation 3 of 3: training"]
    assert trained[0].metrics["fold"] == 4
    last = measured["folds"][2]
    assert last["n"] == 4
    assert last["accuracy"] in (0, 0.25, 0.5, 0.75, 1)
    assert measured["mean"]["accuracy"] == pytest.approx((0.8 + 0.6 + last["accuracy"]) / 3, abs=1e-4)
    assert set(measured["deviation"]) == set(FIGURES) - {"auroc_macro"}, "one value has no deviation"

    steps.clear()
    assert measure_folds(config, kept=kept, progress=steps.append) == measured
    assert steps == [], "all folds are done"


def test_folds_that_are_not_there_cannot_be_measured(
    config: TrainingConfig, make_manifest: ManifestMaker, tmp_path: Path
) -> None:
    manifest = make_manifest([{"label": "normal", "fold": 0}, {"label": "covid19", "fold": 1}])
    with pytest.raises(ManifestError, match="needs at least 3"):
        measure_folds(
            replace(config, manifests=(manifest,)), kept=tmp_path / "folds", progress=lambda _: None
        )
