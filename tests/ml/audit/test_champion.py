"""A candidate beside the champion: worse, better and neither are told apart, and classes are translated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.audit.champion import DECIDING, _translation, compare_with_champion
from ml.contracts import Finding, ModelSpec
from ml.model_folder import read_spec, write_spec
from tests.ml.audit.planted import PER_KIND, write_data, write_linear_version
from tests.ml.conftest import BUNDLED

Versions = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """Give a version that looks at lungs, one that looks at a marker, and the first one's manifest."""
    folder = tmp_path_factory.mktemp("rivals")
    manifest = write_data(folder / "honest-data", seed=0, shape=None)
    write_linear_version(folder / "honest", manifest)
    planted = write_data(folder / "planted-data", seed=0, shape="square")
    write_linear_version(folder / "planted", planted)
    return folder / "honest", folder / "planted", manifest


def test_the_shortcut_is_worse_and_the_other_way_round_better(versions: Versions) -> None:
    honest, planted, manifest = versions
    worse = compare_with_champion(planted, honest, manifest, champion_name="cxr:1")
    assert (worse["champion"], worse["n"], worse["verdict"]) == ("cxr:1", 2 * PER_KIND, "worse")
    assert json.loads(json.dumps(worse, allow_nan=False)) == worse
    rows = {row["metric"]: row for row in worse["rows"]}
    assert set(DECIDING) <= set(rows)
    accuracy = rows["balanced_accuracy"]
    assert set(accuracy) == {"metric", "candidate", "champion", "difference", "interval", "verdict"}
    assert accuracy["candidate"] < accuracy["champion"]

    better = compare_with_champion(honest, planted, manifest, champion_name="cxr:2")
    assert better["side"] == "the version's own test fold, 0", "the candidate is asked what it never saw"
    assert better["n"] == 2 * PER_KIND // 3
    assert better["verdict"] == "better"


def test_a_version_is_not_better_than_itself(versions: Versions) -> None:
    honest, _, manifest = versions
    same = compare_with_champion(honest, honest, manifest, champion_name="cxr:1")
    assert same["verdict"] == "cannot tell"
    assert {row["verdict"] for row in same["rows"]} == {"cannot tell"}


def test_a_champion_that_tells_more_is_asked_only_what_the_candidate_tells(versions: Versions) -> None:
    honest, _, manifest = versions
    compared = compare_with_champion(honest, BUNDLED, manifest, champion_name="cxr:1")
    assert compared["rows"]


def test_classes_that_do_not_fit_are_not_compared(versions: Versions, tmp_path: Path) -> None:
    honest, _, manifest = versions
    coarse = tmp_path / "coarse"
    coarse.mkdir()
    for path in honest.iterdir():
        (coarse / path.name).write_bytes(path.read_bytes())
    spec = read_spec(coarse)
    write_spec(
        coarse, replace(spec, labels=("ill", "well"), classes={"ill": ("covid19", "normal"), "well": ("x",)})
    )
    compared = compare_with_champion(honest, coarse, manifest, champion_name="cxr:1")
    assert (compared["rows"], compared["verdict"]) == ([], "cannot tell")
    assert "cannot be compared" in compared["meaning"]


def spec_of(**classes: tuple[str, ...]) -> ModelSpec:
    return replace(read_spec(BUNDLED), labels=tuple(classes), classes=classes)


def test_what_lies_within_one_class_is_added_up() -> None:
    five = spec_of(**{str(finding): (str(finding),) for finding in Finding})
    ours = spec_of(
        negative=("normal", "viral_pneumonia", "bacterial_pneumonia", "lung_opacity"), positive=("covid19",)
    )
    weights = _translation(five, ours)
    assert weights is not None
    answers = np.array([[0.1, 0.5, 0.2, 0.1, 0.1]])
    assert (answers @ weights).tolist() == [[pytest.approx(0.5), pytest.approx(0.5)]]
    assert _translation(ours, five) is None, "one number does not become four"
    assert _translation(five, spec_of(positive=("covid19",), other=("tuberculosis",))) is None
