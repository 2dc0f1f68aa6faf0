"""From C-STORE success to a result by REST, one image at a time; then what the processes weigh."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pydicom import dcmread

from benchmarks.figures import Figure, percentile
from ml.phantom import phantom_dicom
from tests.running_platform import Platform, running_platform

WARM_UP, ROUNDS = 5, 60
POLL_SECONDS = 0.025
DEADLINE_SECONDS = 60


def measure() -> list[Figure]:
    """Send full-size phantoms to a running platform and poll the newest study."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_platform(folder / "data", CXR_DICOM_OPEN="1", CXR_MFA_REQUIRED="0") as platform:
            user = platform.create_user("bench@example.org", "clinician")
            key = platform.create_api_key(user, "studies:read")
            times = [_deliver(platform, folder, key, seed) for seed in range(WARM_UP + ROUNDS)][WARM_UP:]
            weights = [
                Figure("web, resident", _resident(platform.child("web")), "MB", aim=200),
                Figure("listener, resident", _resident(platform.child("listener")), "MB", aim=150),
                Figure(
                    "worker with its pool, proportional",
                    _proportional(platform.child("worker")),
                    "MB",
                    aim=600,
                ),
                Figure("trainer, resident", _resident(platform.child("trainer")), "MB"),
                Figure("beat, resident", _resident(platform.child("beat")), "MB"),
            ]
    return [
        Figure("C-STORE success to result by REST, p50", percentile(times, 50), "s", aim=0.5),
        Figure("C-STORE success to result by REST, p95", percentile(times, 95), "s", aim=1),
        *weights,
    ]


def _deliver(platform: Platform, folder: Path, key: str, seed: int) -> float:
    path = folder / "image.dcm"
    path.write_bytes(phantom_dicom("normal", seed=5000 + seed, size=(2500, 2048)))
    uid = str(dcmread(path, stop_before_pixels=True).StudyInstanceUID)
    assert platform.store(path) == [0]
    begun = time.monotonic()
    while time.monotonic() - begun < DEADLINE_SECONDS:
        answer = platform.request("GET", "/api/v1/studies/?ordering=-received_at", key=key)
        assert answer.status == 200, answer.body
        newest = answer.json()["results"][0]
        if newest["study_instance_uid"] == uid and newest["status"] in {"completed", "rejected"}:
            return time.monotonic() - begun
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"No result within {DEADLINE_SECONDS} s:\n{platform.tail()}")


def _resident(pid: int) -> float:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Rss") / 1024


def _proportional(pid: int) -> float:
    """Add up a process and its descendants; memory that they share counts once."""
    own = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return own + sum(_proportional(int(child)) for file in children for child in file.read_text().split())


def _kilobytes(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(f"{name}:"))
