"""Training the view network on a handful of images: what it writes, and what it will not start on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.datasets.manifest import ManifestError, read_manifest
from ml.datasets.view_examples import ViewExamples, drawn_examples, good_examples
from ml.graph import Graph
from ml.inference import load
from ml.inference.views import FRONTAL_LIMIT, VIEW_INPUT_SIZE, VIEWS
from ml.training.gate import GATE_FILES, GateConfig, copy_gate, install_gate, read_limits, train_gate
from ml.training.view_network import example_weights
from tests.ml.conftest import ManifestMaker
from tests.ml.tiny_version import FITNESS, write_tiny_version

FOLDS = 3
PER_FOLD = 6


def config(manifest: Path, out: Path) -> GateConfig:
    return GateConfig(
        manifests=(manifest,),
        out=out,
        good=PER_FOLD,
        varied=2,
        altered=4,
        drawn_per_kind=1,
        phantoms_per_finding=1,
        unfit_variations=2,
        epochs=3,
    )


def folds_of(make_manifest: ManifestMaker, *, folds: int = FOLDS) -> Path:
    rows: list[dict[str, object]] = [
        {"label": ("normal", "covid19")[i % 2], "fold": i % folds, "source": "north"}
        for i in range(folds * PER_FOLD)
    ]
    return make_manifest([*rows, {"label": "ood_ct", "fold": 0}, {"label": "ood_lateral", "fold": 1}])


def test_a_gate_is_written_whole_and_judges_every_fold_once(
    make_manifest: ManifestMaker, tmp_path: Path
) -> None:
    out = tmp_path / "gate"
    lines: list[str] = []
    record = train_gate(config(folds_of(make_manifest), out), cross_fit=True, progress=lines.append)
    assert sorted(path.name for path in out.iterdir()) == sorted(GATE_FILES)
    assert sum(path.stat().st_size for path in out.iterdir()) < 350_000
    assert json.loads((out / GATE_FILES[2]).read_text()) == json.loads(json.dumps(record))
    assert read_limits(out) == record["limits"]
    assert 0 <= record["limits"][FRONTAL_LIMIT] <= 1
    assert record["held_out"]["good"]["n"] == PER_FOLD
    assert record["cross_fitted"]["good"]["n"] == FOLDS * PER_FOLD
    assert record["cross_fitted"]["real_unfit"]["n"] == 2
    assert record["held_out"]["real_unfit"]["n"] == 1
    assert any("epoch 3/3" in line for line in lines)
    answer = Graph(out / GATE_FILES[0])(np.zeros((2, VIEW_INPUT_SIZE, VIEW_INPUT_SIZE, 1), np.float32))
    assert answer["views"].shape == (2, len(VIEWS))
    np.testing.assert_allclose(answer["views"].sum(axis=1), 1, atol=1e-5)


def test_a_gate_moves_into_a_version_and_from_there_into_the_next(
    make_manifest: ManifestMaker, tmp_path: Path
) -> None:
    gate, version, retrained = (tmp_path / name for name in ("gate", "version", "retrained"))
    train_gate(config(folds_of(make_manifest), gate), progress=lambda line: None)
    write_tiny_version(version)
    install_gate(gate, version)
    assert load(version, precision="f32").spec.fitness == {**FITNESS, **read_limits(gate)}
    retrained.mkdir()
    copy_gate(version, retrained)
    assert read_limits(retrained) == read_limits(gate)
    copy_gate(tmp_path, retrained)
    assert (retrained / GATE_FILES[0]).read_bytes() == (gate / GATE_FILES[0]).read_bytes()


def test_two_folds_are_too_few(make_manifest: ManifestMaker, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="three folds"):
        train_gate(config(folds_of(make_manifest, folds=2), tmp_path / "gate"), progress=print)


def test_a_folder_without_a_gate_has_no_limits(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == {}


def test_good_and_unfit_examples_weigh_the_same(make_manifest: ManifestMaker) -> None:
    rows = read_manifest(make_manifest([{"label": "normal"}] * 3)).radiographs
    examples = ViewExamples.concatenated([good_examples(rows), drawn_examples(2, seed=0)])
    weights = example_weights(examples)
    good = examples.views == 0
    assert weights.mean() == pytest.approx(1)
    assert weights[good].sum() == pytest.approx(weights[~good].sum())
