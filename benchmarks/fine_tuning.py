"""From asking for a fine-tune on 500 new images to an audited candidate, by REST on a running platform.

The images are phantoms of full size, one per patient, the findings in equal parts; the run starts from the
bundled version and leaves its settings to the platform, without the INT8 graph.
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from ml.contracts import Finding
from ml.phantom import phantom_png
from tests.running_platform import Platform, running_platform

IMAGES = 500
SIZE = (1250, 1024)
POLL_SECONDS = 1.0
DEADLINE_SECONDS = 3600


def measure(images: int = IMAGES) -> list[Figure]:
    """Fine-tune on so many images and tell where the time went."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        manifest = data / "manifests" / "new"
        manifest.mkdir(parents=True, mode=0o700)
        _write_phantoms(manifest, images)
        with running_platform(data, CXR_MFA_REQUIRED="0") as platform:
            user = platform.create_user("bench@example.org", "data_scientist")
            key = platform.create_api_key(user, "models:train", "models:read")
            seconds = _fine_tune(platform, key)
    total = sum(seconds.values())
    return [
        Figure(f"fine-tune on {images} images to an audited candidate", total / 60, "min", aim=15),
        *(Figure(f"of it {stage}", spent, "s") for stage, spent in seconds.items()),
    ]


def _write_phantoms(folder: Path, images: int) -> None:
    findings = list(Finding)
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "group", "source"])
        for number in range(images):
            label = findings[number % len(findings)]
            (folder / f"{number}.png").write_bytes(phantom_png(label, seed=40_000 + number, size=SIZE))
            writer.writerow([f"{number}.png", label, f"patient-{number}", ("east", "west")[number % 2]])


def _fine_tune(platform: Platform, key: str) -> dict[str, float]:
    """Run it, and return the seconds that every stage took, in their order."""
    asked = {"manifests": ["new/manifest.csv"], "init": "cxr@champion", "int8": False}
    answer = platform.request(
        "POST",
        "/api/v1/training-runs/",
        key=key,
        body=json.dumps(asked).encode(),
        content_type="application/json",
    )
    assert answer.status == 201, answer.body
    address = f"/api/v1/training-runs/{answer.json()['id']}/"
    seconds: dict[str, float] = {}
    begun = last = time.monotonic()
    while True:
        run = platform.request("GET", address, key=key).json()
        now = time.monotonic()
        stage = _stage(run)
        seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now
        if run["status"] == "completed":
            version = platform.request(
                "GET", f"/api/v1/models/cxr/versions/{run['version'].split(':')[1]}/", key=key
            ).json()
            assert version["audit"], run["log"]
            return seconds
        assert run["status"] in ("queued", "running"), run["error"]
        assert now - begun < DEADLINE_SECONDS, run["log"]
        time.sleep(POLL_SECONDS)


def _stage(run: dict[str, Any]) -> str:
    """Name where a run is: waiting, a stage of the training, or the audit with the comparison."""
    if not run["progress"]:
        return "starting"
    stage = str(run["progress"]["stage"])
    training = ("checking images", "layers", "preparing", "training", "exporting", "registering")
    return stage if stage.startswith(training) else "audit and comparison"
