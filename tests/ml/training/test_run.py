"""A training run makes a complete model version, or nothing and a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.architectures import build
from ml.evaluation.version import evaluate_version
from ml.model_folder import WEIGHTS_NAME, check_folder, folder_digest
from ml.training.config import TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.run import train
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.training

CLASSES = {"normal": ("normal",), "pneumonia": ("viral_pneumonia", "bacterial_pneumonia")}


@pytest.fixture
def config(make_manifest: ManifestMaker, bundled_model: Path, tmp_path: Path) -> TrainingConfig:
    labels = ("normal", "normal", "viral_pneumonia", "bacterial_pneumonia")
    rows = [
        {"label": label, "fold": fold, "group": f"{fold}-{label}-{i}", "source": "drawn", "licence": "CC0"}
        for fold in range(3)
        for i, label in enumerate(labels * 2)
    ]
    rows.append({"label": "ood_lateral", "fold": 0, "group": "side"})
    return TrainingConfig(
        manifests=(make_manifest(rows),),
        out_dir=tmp_path / "version",
        lungs=bundled_model,
        input_size=64,
        classes=CLASSES,
        epochs=2,
        batch_size=4,
        precision="float32",
        quantise=False,
        cache_dir=tmp_path / "cache",
    )


@pytest.mark.timeout(600)
def test_a_version_is_complete_repeatable_and_can_be_continued(
    config: TrainingConfig, tmp_path: Path
) -> None:
    steps: list[TrainingProgress] = []
    folder = train(config, progress=steps.append)
    spec = check_folder(folder)
    assert spec.labels == tuple(CLASSES)
    assert {"card.md", "claim.md", "history.svg", "lineage.json", "evaluation.json"} <= set(spec.files)
    assert "model.weights.h5" in spec.files
    assert [step.done for step in steps if step.stage == "training"] == [1, 2]
    assert not folder.with_name("version.partial").exists()

    lineage = json.loads((folder / "lineage.json").read_text())
    assert lineage["settings"]["seed"] == config.seed
    tested = lineage["sides"]["test"]
    assert (tested["images"], tested["groups"]) == (8, 8)
    assert tested["by_source"] == {"drawn": {"normal": 4, "pneumonia": 4}}
    assert str(tmp_path) not in (folder / "lineage.json").read_text()

    measured = evaluate_version(folder, *config.manifests, fold=0)
    stored = json.loads((folder / "evaluation.json").read_text())
    assert measured == stored
    assert f"{stored['accuracy']:.3f}" in (folder / "card.md").read_text()

    again = train(replace(config, out_dir=tmp_path / "again"), progress=steps.append)
    for name in ("model.bin", "evaluation.json"):
        assert check_folder(again).files[name] == spec.files[name], f"{name} differs for the same seed"

    child = replace(config, out_dir=tmp_path / "child", init=folder, trainable_layers=1, epochs=1)
    lineage = json.loads((train(child, progress=steps.append) / "lineage.json").read_text())
    assert lineage["parent"]["sha256"] == folder_digest(folder)
    assert lineage["parent"]["lineage"]["settings"]["epochs"] == config.epochs


@pytest.mark.timeout(600)
def test_no_epochs_calibrate_a_version_anew_and_keep_its_weights(
    config: TrainingConfig, tmp_path: Path
) -> None:
    folder = train(replace(config, epochs=1), progress=lambda _: None)
    again = replace(config, out_dir=tmp_path / "again", init=folder, epochs=0, miscoverage=0.3)
    kept = train(again, progress=lambda _: None)
    assert check_folder(kept).files["model.bin"] == check_folder(folder).files["model.bin"]
    assert check_folder(kept).conformal_quantiles != check_folder(folder).conformal_quantiles
    assert json.loads((kept / "lineage.json").read_text())["parent"]["sha256"] == folder_digest(folder)


@pytest.mark.timeout(600)
def test_weights_are_averaged_with_another_versions(config: TrainingConfig, tmp_path: Path) -> None:
    first = train(replace(config, epochs=1), progress=lambda _: None)
    second = train(
        replace(config, out_dir=tmp_path / "second", init=first, epochs=1, seed=7), progress=lambda _: None
    )
    averaged = replace(config, out_dir=tmp_path / "mean", init=second, average_with=first, epochs=0)
    mean = train(averaged, progress=lambda _: None)
    kernels = []
    for folder in (first, second, mean):
        network = build("compact_resnet", input_size=64, classes=2)
        network.load_weights(folder / WEIGHTS_NAME)
        kernels.append(network.get_layer("logits").get_weights()[0])
    assert not np.allclose(kernels[0], kernels[1])
    np.testing.assert_allclose(kernels[2], (kernels[0] + kernels[1]) / 2, atol=1e-6)
    lineage = json.loads((mean / "lineage.json").read_text())
    assert lineage["averaged_with"]["sha256"] == folder_digest(first)
    assert lineage["parent"]["sha256"] == folder_digest(second)

    other = replace(averaged, out_dir=tmp_path / "none", init=None, epochs=1, input_size=32)
    with pytest.raises(TrainingConfigError, match="this run builds a compact_resnet of 32 px"):
        train(other, progress=lambda _: None)


class SwitchedOffError(Exception):
    """Stands for a machine that was switched off."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ema_momentum", [0.0, 0.9])
def test_an_interrupted_run_goes_on_and_ends_as_if_nothing_had_happened(
    config: TrainingConfig, tmp_path: Path, ema_momentum: float
) -> None:
    config = replace(config, epochs=4, ema_momentum=ema_momentum, progressive_resizing=False)

    def stop_after_two(step: TrainingProgress) -> None:
        if step.stage == "training" and step.done == 2:
            raise SwitchedOffError

    with pytest.raises(SwitchedOffError):
        train(config, progress=stop_after_two)
    steps: list[TrainingProgress] = []
    continued = train(config, progress=steps.append)
    assert [step.done for step in steps if step.stage == "training"] == [3, 4]
    assert not list((tmp_path / "cache").glob("run-*")), "a finished run leaves no state"

    whole = train(replace(config, out_dir=tmp_path / "whole"), progress=lambda _: None)
    histories = [json.loads((f / "lineage.json").read_text())["history"] for f in (continued, whole)]
    losses = [[epoch["loss"] for epoch in history] for history in histories]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert len(losses[0]) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixing": "shake"}, "Unknown mixing 'shake'; known: none, mixup, same_finding"),
        ({"balance": 2}, "balance is 2; expected 0 to 1"),
        ({"without_lungs": -1}, "without_lungs is -1; expected 0 to 1"),
        ({"architecture": "vgg99"}, "Unknown architecture 'vgg99'"),
        ({"optimizer": "magic"}, "Unknown optimizer"),
        ({"epochs": 0}, "0 epochs only calibrate"),
        ({"epochs": -1}, "epochs is -1"),
        ({"class_weights": {"cold": 2.0}}, "no classes of this run"),
        ({"folds": 2}, "At least 3 folds"),
        ({"weights": Path("none.h5")}, "does not exist"),
        ({"trainable_layers": 1000}, "layers with weights"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    config: TrainingConfig, change: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingConfigError, match=message):
        train(replace(config, **change), progress=lambda _: None)  # type: ignore[arg-type]  # varied by name
    assert not config.out_dir.exists()


def test_a_version_is_never_overwritten(config: TrainingConfig) -> None:
    config.out_dir.mkdir()
    (config.out_dir / "model.json").write_text("{}")
    with pytest.raises(TrainingConfigError, match="never overwritten"):
        train(config, progress=lambda _: None)


def test_sizes_grow_to_the_final_one() -> None:
    config = TrainingConfig((), Path(), Path(), epochs=10)
    sizes = [config.size_at(epoch) for epoch in range(10)]
    assert sizes == [96] * 5 + [128] * 3 + [160] * 2
    assert TrainingConfig((), Path(), Path(), epochs=1).size_at(0) == 160
    assert TrainingConfig((), Path(), Path(), progressive_resizing=False).size_at(0) == 160
