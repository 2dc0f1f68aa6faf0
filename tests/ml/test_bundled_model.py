"""The model that comes with the release is whole, small enough, and as good as its card says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.contracts import Finding
from ml.datasets.manifest import read_manifest
from ml.evaluation.version import evaluate_version
from ml.inference import golden_check
from ml.inference.views import FRONTAL_LIMIT
from ml.model_folder import check_folder
from ml.preprocessing import LUNG_MEASUREMENTS, Preprocessing

BUDGET_BYTES = 25_000_000
SAMPLE_STEP = 8
"""Every eighth test image: about three hundred, a few seconds of work."""


def test_every_file_is_as_it_was_written(bundled_model: Path) -> None:
    spec = check_folder(bundled_model)
    assert spec.labels == tuple(Finding)
    assert spec.preprocessing_version == Preprocessing.from_json(spec.preprocessing).version
    assert {limit.rpartition("_")[0] for limit in spec.fitness if limit != FRONTAL_LIMIT} <= set(
        LUNG_MEASUREMENTS
    )


def test_it_answers_as_on_the_day_of_its_export(bundled_model: Path) -> None:
    golden_check(bundled_model, precision="f32")


def test_everything_learned_fits_the_budget(bundled_model: Path) -> None:
    total = sum(path.stat().st_size for path in bundled_model.parent.rglob("*") if path.is_file())
    assert total <= BUDGET_BYTES


def test_it_reaches_the_plain_baseline(bundled_model: Path) -> None:
    evaluation = json.loads((bundled_model / "evaluation.json").read_text())
    assert evaluation["n"] > 2000
    assert evaluation["accuracy"] >= 0.83
    assert f"{evaluation['accuracy']:.3f}" in (bundled_model / "card.md").read_text()


@pytest.mark.real_data
def test_real_radiographs_agree_with_the_card(
    bundled_model: Path, research_data: Path, tmp_path: Path
) -> None:
    lineage = json.loads((bundled_model / "lineage.json").read_text())
    manifest = research_data / "manifest.csv"
    assert read_manifest(manifest).sha256 == lineage["manifests"], "the card speaks of other data"
    lines = manifest.read_text().splitlines()
    columns = lines[0].split(",")
    file = columns.index("file")
    rows = [line for line in lines[1:] if f",{lineage['settings']['test_fold']}," in line]
    sample = tmp_path / "manifest.csv"
    (tmp_path / "images").symlink_to(research_data / "images")
    sample.write_text("\n".join([lines[0], *rows[::SAMPLE_STEP]]) + "\n")
    assert rows[0].split(",")[file].startswith("images/")
    measured = evaluate_version(bundled_model, sample, fold=lineage["settings"]["test_fold"])
    stated = json.loads((bundled_model / "evaluation.json").read_text())
    assert measured["n"] > 200
    low, high = measured["intervals"]["accuracy"]
    assert low <= stated["accuracy"] <= high
