"""A marker that gives the label away is caught, every time; the same phantoms without it are not blamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.audit.lungs import BOX_KEPT, LEVELLED, UNMASKED
from ml.audit.version import audit_version
from ml.model_folder import write_spec
from ml.preprocessing import DEFAULT_PREPROCESSING
from tests.ml.audit.planted import SHAPES, write_data, write_linear_version


def audited(folder: Path, *checks: str, seed: int, shape: str | None) -> dict[str, Any]:
    manifest = write_data(folder / "data", seed=seed, shape=shape)
    write_linear_version(folder / "version", manifest)
    audit = audit_version(folder / "version", manifest, checks=checks)
    return {"verdict": audit["verdict"]} | {check["code"]: check for check in audit["checks"]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_a_planted_marker_is_caught(tmp_path: Path, seed: int) -> None:
    audit = audited(tmp_path, "A4", seed=seed, shape=SHAPES[seed % len(SHAPES)])
    assert audit["verdict"] == "fail"
    assert audit["A4"]["verdict"] == "fail"
    assert audit["A4"]["figure"] > 0.2


@pytest.mark.timeout(600)
def test_a_marker_is_all_that_is_left_when_the_lungs_are_painted_over(tmp_path: Path) -> None:
    audit = audited(tmp_path, "A3", seed=4, shape="square")
    assert audit["A3"]["verdict"] == "fail"


@pytest.mark.timeout(600)
def test_a_version_that_masks_the_lungs_itself_does_not_pass_for_free(tmp_path: Path) -> None:
    manifest = write_data(tmp_path / "data", seed=4, shape="square")
    spec = write_linear_version(tmp_path / "version", manifest)
    steps = (("fade_outside", {"margin": 0.0}), *DEFAULT_PREPROCESSING.steps)
    masking = replace(DEFAULT_PREPROCESSING, steps=steps)
    write_spec(tmp_path / "version", replace(spec, preprocessing=masking.to_json()))
    (check,) = audit_version(tmp_path / "version", manifest, checks=("A3",))["checks"]
    accuracies = check["details"]["balanced_accuracy"]
    assert UNMASKED in accuracies
    assert accuracies[BOX_KEPT] < 0.65, "with its mask it cannot see the marker"
    assert accuracies[LEVELLED] > 0.75, "without it, it sees nothing else"
    assert check["verdict"] == "fail"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2))
def test_the_same_phantoms_without_a_marker_are_not_blamed(tmp_path: Path, seed: int) -> None:
    audit = audited(tmp_path, "A4", seed=seed, shape=None)
    assert audit["A4"]["verdict"] != "fail"
    assert audit["A4"]["figure"] <= 0.05
