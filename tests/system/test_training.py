"""A training run on the whole platform: asked for by REST, its trainer killed in mid-run, and finished.

A second one is under way when the platform is stopped, and is given back.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.ml.conftest import chest
from tests.running_platform import Platform, running_platform
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.training, pytest.mark.timeout(900)]

EPOCHS = 40


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Platform]:
    folder = tmp_path / "data"
    manifest = folder / "manifests" / "drawn"
    manifest.mkdir(parents=True, mode=0o700)
    write_manifest(manifest)
    with running_platform(folder, CXR_MFA_REQUIRED="0") as platform:
        yield platform


def write_manifest(folder: Path) -> None:
    """Write twelve small drawn chests and their manifest."""
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "fold", "group"])
        for number in range(12):
            fold, label = number % 3, ("normal", "covid19")[number % 2]
            pixels = chest(height=96, width=96, seed=number, opacity=0.35 * (label == "covid19"))
            cv2.imwrite(str(folder / f"{number}.png"), (pixels * 255).astype(np.uint8))
            writer.writerow([f"{number}.png", label, fold, f"patient-{number}"])


def test_a_run_survives_its_trainer(up: Platform) -> None:
    scientist = up.create_user("scientist@example.org", "data_scientist")
    key = up.create_api_key(scientist, "models:train", "models:read")
    asked = {
        "manifests": ["drawn/manifest.csv"],
        "architecture": "multi_kernel_cnn",
        "classes": {"negative": ["normal"], "positive": ["covid19"]},
        "epochs": EPOCHS,
        "batch_size": 4,
        "input_size": 16,
        "int8": False,
    }

    def start() -> str:
        body = json.dumps(asked).encode()
        answer = up.request(
            "POST", "/api/v1/training-runs/", key=key, body=body, content_type="application/json"
        )
        assert answer.status == 201, answer.body
        return f"/api/v1/training-runs/{answer.json()['id']}/"

    def run() -> dict[str, Any]:
        state: dict[str, Any] = up.request("GET", address, key=key).json()
        assert state["status"] not in ("failed", "cancelled"), state
        return state

    address = start()

    def versions() -> list[int]:
        (model,) = up.request("GET", "/api/v1/models/", key=key).json()["results"]
        return [version["version"] for version in model["versions"]]

    wait_for(lambda: len(run()["history"]) >= 2, deadline=200, what="two epochs", every=0.2)
    child = int(re.findall(r"process (\d+):", run()["log"])[-1])
    os.kill(up.child("trainer"), signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}").exists(), deadline=10, what="the end of the trainer's child")
    assert versions() == [1], "no half version is visible"

    done = wait_for(
        lambda: state if (state := run())["status"] == "completed" else None,
        deadline=300,
        what="the run's end",
        every=0.5,
    )
    assert done is not None
    assert [row["epoch"] for row in done["history"]] == list(range(1, EPOCHS + 1))
    assert len(re.findall(r"Attempt \d", done["log"])) == 2
    told = [int(epoch) for epoch in re.findall(rf"training: (\d+)/{EPOCHS}", done["log"])]
    assert told[: told.index(EPOCHS) + 1] == sorted(set(told)), "it went on where it was"
    assert (done["version"], versions()) == ("cxr:2", [2, 1])
    version = up.request("GET", "/api/v1/models/cxr/versions/2/", key=key).json()
    assert version["lineage"]["requested_by"] == "scientist@example.org"
    assert version["audit"]["verdict"] in ("pass", "warn", "fail")

    address = start()
    wait_for(lambda: "process" in run()["log"], deadline=60, what="a second run")
    assert up.stop() == 0, up.tail()
    assert up.rows("SELECT status, attempts FROM retraining_trainingrun ORDER BY id DESC LIMIT 1") == [
        ("queued", 0)
    ], "a trainer that is told to end gives its run back"
