"""Three views stand side by side, and what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.evaluation.generalisation import (
    FIGURES,
    GENERALISATION_NAME,
    WHY_ABSENT,
    read_generalisation,
    three_views,
)
from ml.model_folder import ModelFolderError
from tests.ml.evaluation.test_page import LEFT_OUT, report


def test_the_views_stand_side_by_side(tmp_path: Path) -> None:
    (tmp_path / GENERALISATION_NAME).write_text(json.dumps(LEFT_OUT))
    views = three_views(report(), read_generalisation(tmp_path))
    same = views["same_sources"]
    assert same["covid19_auroc"] == report()["auroc"]["covid19"]
    assert same["interval"] == report()["intervals"]["auroc_covid19"]
    assert set(same["by_source"]) == set(report()["by_source"])
    assert views["leave_one_source_out"]["north"]["covid19_auroc"] == 0.61
    assert views["within_source"]["south"] == {
        "n": 50,
        "covid19_auroc": None,
        "interval": None,
        "sensitivity": None,
        "accuracy": 0.9,
    }
    assert all(tuple(figures) == FIGURES for figures in same["by_source"].values())
    assert views["gap"] == pytest.approx(same["covid19_auroc"] - 0.61, abs=1e-4)
    assert views["not_available"] is None
    assert json.loads(json.dumps(views)) == views


def test_a_version_without_the_file_says_why(tmp_path: Path) -> None:
    views = three_views(report(), read_generalisation(tmp_path))
    assert views["not_available"] == WHY_ABSENT
    assert views["leave_one_source_out"] is views["mean_covid19_auroc"] is views["gap"] is None
    assert views["same_sources"]["n"] == report()["n"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"leave_one_source_out": {}, "within_source": 3}'])
def test_a_broken_file_is_an_error_that_names_it(text: str, tmp_path: Path) -> None:
    (tmp_path / GENERALISATION_NAME).write_text(text)
    with pytest.raises(ModelFolderError, match=GENERALISATION_NAME):
        read_generalisation(tmp_path)
