"""The goal table holds what the result files say, and says where there is nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.goals.__main__ import main
from benchmarks.goals.files import Results
from benchmarks.goals.page import NOT_MEASURED, goals_page
from benchmarks.goals.rows import GOALS

FILES: dict[str, Any] = {
    "version/evaluation.json": {
        "accuracy": 0.901,
        "balanced_accuracy": 0.802,
        "ece": 0.021,
        "per_class": {
            "normal": {"coverage": 0.97},
            "covid19": {"coverage": 0.943},
            "other": {"coverage": None},
        },
        "coverage": {"single_finding": 0.703},
        "intervals": {
            "accuracy": [0.881, 0.921],
            "balanced_accuracy": [0.782, 0.822],
            "ece": [0.011, 0.031],
            "coverage_covid19": [0.923, 0.963],
            "single_finding": [0.683, 0.723],
        },
    },
    "version/generalisation.json": {
        "mean_covid19_auroc": 0.861,
        "mean_macro_f1": 0.761,
        "leave_one_source_out": {
            "radiography_db": {"covid19_auroc": 0.911, "interval": [0.901, 0.921], "sensitivity": 0.5},
            "ieee8023": {"covid19_auroc": 0.711, "interval": [0.651, 0.771], "sensitivity": 0.4},
            "ozturk": {"covid19_auroc": 0.811, "interval": None, "sensitivity": 0.3},
            "cxnet": {"covid19_auroc": None, "interval": None, "sensitivity": 0.611},
        },
    },
    "version/lungs.json": {"dice_mean": 0.9612},
    "version/lineage.json": {"finished_at": "2026-11-20T15:00:00+00:00"},
    "version/fitness.json": {
        "held_out": {"good": {"refused": 0.5}},
        "cross_fitted": {
            "good": {"refused": 0.0061, "interval": [0.004, 0.008]},
            "real_unfit": {"refused": 0.981, "interval": [0.915, 0.997]},
            "balanced_accuracy": {"real_unfit": 0.9875, "unfit": 0.9925},
        },
    },
    "version/export.json": {
        "f32": {"accuracy_points": 0.0, "label_flips": 0.0},
        "bf16": {"accuracy_points": -0.041, "label_flips": 0.0012},
        "int8": {"accuracy_points": -0.31, "label_flips": 0.0062},
    },
    "version/audit.json": {
        "finished_at": "2026-11-20T16:00:00+00:00",
        "checks": [
            {"code": "A2", "figure": 0.721, "interval": [0.701, 0.741]},
            {"code": "A3", "figure": 0.083, "interval": [0.063, 0.103]},
            {"code": "A5", "figure": 0.955, "interval": [0.935, 0.975]},
            {"code": "A7", "figure": None, "interval": None},
        ],
    },
    "elsewhere.json": {"auroc": {"covid19": 0.771}, "intervals": {"auroc_covid19": [0.651, 0.891]}},
    "results/prediction.json": {
        "figures": [{"name": "decode, p50", "value": 9}, {"name": "total, p50", "value": 36.5}]
    },
    "results/training.json": {"figures": [{"name": "ratio, ours to plain", "value": 1.07}]},
    **{
        f"results/papers/{name}.json": {
            "accuracy": accuracy,
            "balanced_accuracy": accuracy - 0.05,
            "intervals": {"accuracy": [accuracy - 0.02, accuracy + 0.02]},
            "folds": {"measured": measured, "of": 5},
            "command": f"the command for {name}",
        }
        for name, accuracy, measured in (
            ("five_findings", 0.931, [0, 1, 2, 3, 4]),
            ("kermany3-fold0", 0.912, [0]),
            ("ozturk3", 0.841, [0, 1, 2, 3, 4]),
            ("ozturk3-leaky", 0.902, [0, 1, 2, 3, 4]),
            ("ozturk2", 0.972, [0, 1, 2, 3, 4]),
            ("ozturk2-leaky", 0.993, [0, 1, 2, 3, 4]),
        )
    },
}

ROWS = {
    "COVID-19 AUC with a source left out, mean": ("0.861", "–", "met"),
    "… without `radiography_db`, measured there": ("0.911", "0.901 to 0.921", "met"),
    "… without `ieee8023`, measured there": ("0.711", "0.651 to 0.771", "**missed**"),
    "… without `ozturk`, measured there": ("0.811", "–", "**missed**"),
    "… without `cxnet` (COVID-19 only): sensitivity": ("0.611", "–", ""),
    "COVID-19 AUC on other hospitals": ("0.771", "0.651 to 0.891", "**missed**"),
    "macro F1 of normal, COVID-19, other, with a source left out": ("0.761", "–", "**missed**"),
    "same sources, five folds, 5 findings: accuracy": ("0.931", "0.911 to 0.951", "met"),
    "same sources, five folds, 5 findings: balanced accuracy": ("0.881", "–", "met"),
    "same sources, this version's test fold: accuracy": ("0.901", "0.881 to 0.921", "**missed**"),
    "same sources, this version's test fold: balanced accuracy": ("0.802", "0.782 to 0.822", "**missed**"),
    "Kermany, 3 classes, one network, no ImageNet: accuracy": ("0.912", "0.892 to 0.932", "met"),
    "Ozturk, 3 classes, patients apart: accuracy": ("0.841", "0.821 to 0.861", "met"),
    "Ozturk, 3 classes, as published (**leaky**)": ("0.902", "0.882 to 0.922", "met"),
    "Ozturk, binary, patients apart: accuracy": ("0.972", "0.952 to 0.992", ""),
    "Ozturk, binary, as published (**leaky**)": ("0.993", "0.973 to 1.013", "met"),
    "lungs blacked out: balanced accuracy above chance, worst variant": ("0.083", "0.063 to 0.103", "met"),
    "lungs only: share of the full score": ("0.955", "0.935 to 0.975", "met"),
    "source read from the features, within a class: AUC": ("0.721", "0.701 to 0.741", "**missed**"),
    "saliency energy inside the lungs": (NOT_MEASURED, "–", ""),
    "lung segmentation: Dice": ("0.9612", "–", "met"),
    "calibration error (ECE), held out": ("0.021", "0.011 to 0.031", "met"),
    "true finding inside the prediction set, worst finding": ("0.943", "0.923 to 0.963", "**missed**"),
    "single findings (not `inconclusive`)": ("0.703", "0.683 to 0.723", "**missed**"),
    "refusing real unfit images: balanced accuracy": ("0.9875", "–", "**missed**"),
    "refusing real and generated unfit images: balanced accuracy": ("0.9925", "–", "met"),
    "share of real unfit images refused": ("0.981", "0.915 to 0.997", ""),
    "share of good radiographs refused": ("0.0061", "0.004 to 0.008", "met"),
    "exported graph, f32: points of accuracy from Keras": ("0", "–", "met"),
    "exported graph, f32: share of labels that differ": ("0", "–", "met"),
    "exported graph, bf16: points of accuracy from Keras": ("0.041", "–", "met"),
    "exported graph, bf16: share of labels that differ": ("0.0012", "–", "met"),
    "exported graph, int8: points of accuracy from Keras": ("0.31", "–", "**missed**"),
    "exported graph, int8: share of labels that differ": ("0.0062", "–", "**missed**"),
    "`predict`, 10 MB DX, one core, p50 in ms": ("36.5", "–", "**missed**"),
    "training throughput, times a plain `model.fit`": ("1.07", "–", "met"),
}
SIZE_ROW = "everything learned, MB"

LOST_WITH = {
    "version/evaluation.json": 5,
    "version/generalisation.json": 6,
    "version/lungs.json": 1,
    "version/fitness.json": 4,
    "version/export.json": 6,
    "version/audit.json": 3,
    "elsewhere.json": 1,
    "results/prediction.json": 1,
    "results/training.json": 1,
    "results/papers/five_findings.json": 2,
    "results/papers/kermany3-fold0.json": 1,
    "results/papers/ozturk3.json": 1,
    "results/papers/ozturk3-leaky.json": 1,
    "results/papers/ozturk2.json": 1,
    "results/papers/ozturk2-leaky.json": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, document in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    return tmp_path


def results_in(folder: Path) -> Results:
    return Results(
        version=folder / "version",
        audit_file=folder / "version" / "audit.json",
        benchmarks=folder / "results",
        elsewhere_file=folder / "elsewhere.json",
    )


def rows_of(page: str) -> dict[str, list[str]]:
    """Return the table's cells after the name: anchor, aim, reached, interval, mark, command."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.count("|") == 8]
    return {cells[0]: [cell.strip() for cell in cells[1:]] for cells in lines[2:]}


def test_every_row_is_taken_from_its_file(folder: Path) -> None:
    rows = rows_of(goals_page(results_in(folder)))
    found = {name: tuple(cells[2:5]) for name, cells in rows.items() if name != SIZE_ROW}
    assert found == ROWS
    assert len(rows) == len(GOALS)


def test_rows_name_the_command_and_what_it_covered(folder: Path) -> None:
    rows = rows_of(goals_page(results_in(folder)))
    kermany = rows["Kermany, 3 classes, one network, no ImageNet: accuracy"]
    assert kermany[-1] == "`the command for kermany3-fold0`, folds [0] of 5"
    assert rows["Ozturk, 3 classes, patients apart: accuracy"][-1] == "`the command for ozturk3`"
    assert rows["true finding inside the prediction set, worst finding"][-1].endswith("`covid19`")


def test_a_gate_that_was_not_cross_fitted_says_so(folder: Path) -> None:
    refused = "share of good radiographs refused"
    assert rows_of(goals_page(results_in(folder)))[refused][-1] == "`python -m ml.training.gate --cross-fit`"
    (folder / "version" / "fitness.json").write_text(json.dumps({"held_out": {"good": {"refused": 0.5}}}))
    cells = rows_of(goals_page(results_in(folder)))[refused]
    assert cells[2] == "0.5"
    assert cells[-1] == "`python -m ml.training.gate`, test fold"


def test_a_whole_reproduction_counts_before_a_part_of_it(folder: Path) -> None:
    whole = {**FILES["results/papers/kermany3-fold0.json"], "accuracy": 0.904}
    (folder / "results" / "papers" / "kermany3.json").write_text(json.dumps(whole))
    rows = rows_of(goals_page(results_in(folder)))
    assert rows["Kermany, 3 classes, one network, no ImageNet: accuracy"][2] == "0.904"


@pytest.mark.parametrize(("name", "lost"), LOST_WITH.items())
def test_a_missing_file_takes_its_rows_away_and_no_others(folder: Path, name: str, lost: int) -> None:
    before = rows_of(goals_page(results_in(folder)))
    (folder / name).unlink()
    after = rows_of(goals_page(results_in(folder)))
    changed = {row for row in after if after[row][2] != before[row][2]} - {SIZE_ROW}
    assert len(changed) == lost
    assert {after[row][2] for row in changed} == {NOT_MEASURED}


def test_without_any_file_nothing_is_measured(tmp_path: Path) -> None:
    rows = rows_of(goals_page(results_in(tmp_path)))
    assert {cells[2] for cells in rows.values()} == {NOT_MEASURED}


def test_an_audit_of_an_earlier_version_does_not_count(folder: Path) -> None:
    later = {"finished_at": "2026-11-20T16:00:01+00:00"}
    (folder / "version" / "lineage.json").write_text(json.dumps(later))
    page = goals_page(results_in(folder))
    assert rows_of(page)["lungs only: share of the full score"][2] == NOT_MEASURED
    assert "older than the version" in page


def test_the_size_is_that_of_the_folder(folder: Path) -> None:
    (folder / "version" / "model.bin").write_bytes(bytes(30_000_000))
    cells = rows_of(goals_page(results_in(folder)))[SIZE_ROW]
    assert cells[2] == f"{sum(p.stat().st_size for p in (folder / 'version').iterdir()) / 1e6:.4g}"
    assert cells[4] == "**missed**"


def test_the_command_writes_the_page_and_the_hashes_of_what_it_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "docs" / "goals.md"
    assert (
        main(["--version", str(folder / "version"), "--results", str(folder / "results"), "--out", str(out)])
        == 0
    )
    assert out.read_text() == capsys.readouterr().out[:-1]
    assert "| `generalisation.json` | `" in out.read_text()
    assert str(folder) not in out.read_text()
