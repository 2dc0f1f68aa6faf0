"""`predict` classifies without a server, and never makes a database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ml.contracts import Finding
from ml.phantom import phantom_dicom, phantom_png
from tests.running_platform import ROOT, clean_environment

KEYS = [
    "status",
    "file",
    "sop_instance_uid",
    "label",
    "covid19_status",
    "probabilities",
    "prediction_set",
    "abnormality",
    "triage",
    "rejections",
    "warnings",
    "model",
    "saliency",
    "timing_ms",
]
SIZE = (512, 480)
Predict = Callable[..., tuple[int, str, str]]


@pytest.fixture
def predict(tmp_path: Path) -> Predict:
    """Run the command where no installation is; return exit status, output and errors."""

    def run(*arguments: object, **environment: str) -> tuple[int, str, str]:
        answer = subprocess.run(
            [sys.executable, "manage.py", "predict", *map(str, arguments)],
            cwd=ROOT,
            env=clean_environment(tmp_path / "data", **environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not (tmp_path / "data").exists(), "predict wrote into the data folder"
        return answer.returncode, answer.stdout, answer.stderr

    return run


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_every_file_gets_one_line_with_the_contract_s_keys(predict: Predict, tmp_path: Path) -> None:
    chest, picture, hand = tmp_path / "chest.dcm", tmp_path / "chest.png", tmp_path / "hand.dcm"
    chest.write_bytes(phantom_dicom(Finding.NORMAL, seed=1, size=SIZE))
    picture.write_bytes(phantom_png(Finding.COVID19, seed=1, size=SIZE))
    hand.write_bytes(phantom_dicom("hand", seed=1, size=SIZE))

    status, output, errors = predict("--json", "--saliency-dir", tmp_path / "maps", chest, picture, hand)

    assert status == 0, errors
    results = lines(output)
    assert [list(result) for result in results] == [KEYS] * 3
    assert [result["file"] for result in results] == [str(chest), str(picture), str(hand)]
    assert [result["status"] for result in results] == ["completed", "completed", "rejected"]
    assert results[0]["sop_instance_uid"].startswith("2.25.")
    assert results[1]["sop_instance_uid"] is None
    assert (results[2]["label"], results[2]["triage"], results[2]["saliency"]) == (None, "none", {})
    assert results[0]["model"]["name"] == "cxr"
    assert results[0]["model"]["version"] == 1
    assert results[2]["sop_instance_uid"].startswith("2.25.")
    assert set(results[0]["saliency"]) == {finding.value for finding in Finding}
    for path in results[0]["saliency"].values():
        with Image.open(path) as overlay:
            assert overlay.size == (SIZE[1], SIZE[0])


def test_without_a_folder_there_are_no_maps_and_without_json_there_is_a_table(
    predict: Predict, tmp_path: Path
) -> None:
    chest = tmp_path / "[bold]chest.dcm"
    chest.write_bytes(phantom_dicom(Finding.NORMAL, seed=1, size=SIZE))

    _, output, _ = predict("--json", chest)
    assert lines(output)[0]["saliency"] == {}
    status, output, _ = predict(chest, COLUMNS="300")
    assert status == 0
    assert str(chest) in output
    assert "not a medical device" in output


def test_hostile_files_are_contained_and_the_next_good_one_is_classified(
    predict: Predict, tmp_path: Path
) -> None:
    whole = phantom_dicom(Finding.NORMAL, seed=1, size=SIZE)
    files = {
        "empty": b"",
        "random": bytes(range(256)) * 40,
        "truncated": whole[: len(whole) // 2],
        "page": b"<html><script>alert(1)</script>",
        "good": whole,
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    status, output, _ = predict("--json", *(tmp_path / name for name in files), tmp_path / "missing")

    assert status == 1
    *bad, good, missing = lines(output)
    assert good["status"] == "completed"
    for result in [*bad, missing]:
        assert (result["status"], result["label"]) == ("rejected", None)
        assert [rejection["code"] for rejection in result["rejections"]] == ["unreadable"]


def test_a_model_can_be_a_folder_and_an_unknown_one_is_said_so(predict: Predict, tmp_path: Path) -> None:
    chest = tmp_path / "chest.dcm"
    chest.write_bytes(phantom_dicom(Finding.NORMAL, seed=1, size=SIZE))

    status, output, _ = predict("--json", "--model", ROOT / "ml" / "pretrained" / "cxr", chest)
    assert (status, lines(output)[0]["model"]["version"]) == (0, None)
    status, output, errors = predict("--json", "--model", "cxr:7", chest)
    assert (status, output) == (1, "")
    assert "there is no database here" in errors


def test_a_database_that_does_not_answer_is_not_passed_over(predict: Predict, tmp_path: Path) -> None:
    chest = tmp_path / "chest.dcm"
    chest.write_bytes(phantom_dicom(Finding.NORMAL, seed=1, size=SIZE))

    status, _, errors = predict(chest, DATABASE_URL="postgres://cxr@127.0.0.1:1/cxr")

    assert status == 1
    assert "database does not answer" in errors
