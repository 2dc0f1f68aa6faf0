"""Five kills of the worker in mid-inference and an emptied broker: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ml.contracts import Finding
from ml.phantom import phantom_dicom
from tests.running_platform import Platform, running_platform
from tests.waiting import wait_for

KILLS = 5
IMAGES = 15


class Rows:
    """The installation's database, as an onlooker reads it."""

    def __init__(self, data_dir: Path) -> None:
        self._address = f"file:{data_dir / 'db.sqlite3'}?mode=ro"

    def __call__(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._address, uri=True, timeout=10)) as connection:
            return connection.execute(query, parameters).fetchall()


def worker_kill(platform: Platform, rows: Rows, killed: set[int]) -> None:
    """Kill the worker as soon as it is seen at a diagnosis that it had not been killed at before."""

    def begun() -> set[int]:
        running = rows("SELECT id FROM diagnosis_diagnosis WHERE status = 'running' AND attempts = 1")
        return {pk for (pk,) in running} - killed

    pid = wait_for(lambda: _child(platform), deadline=60, what="a worker") or 0
    killed |= wait_for(begun, deadline=60, what="a diagnosis that is running", every=0.002)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: _child(platform) != pid, deadline=10, what="the worker's death")


def _child(platform: Platform) -> int | None:
    try:
        return platform.child("worker")
    except LookupError:
        return None


@pytest.mark.timeout(400)
def test_nothing_is_lost_and_nothing_stored_twice(tmp_path: Path) -> None:
    folder, data_dir, kinds = tmp_path / "images", tmp_path / "data", list(Finding)
    folder.mkdir()
    for seed in range(IMAGES):
        (folder / f"{seed}.dcm").write_bytes(phantom_dicom(kinds[seed % len(kinds)], seed=seed))
    with running_platform(data_dir, CXR_WORKER_THREADS="1") as platform:
        rows, killed = Rows(data_dir), set[int]()
        sending = threading.Thread(target=platform.manage, args=["import_studies", str(folder)])
        sending.start()
        for _ in range(KILLS):
            worker_kill(platform, rows, killed)
        sending.join()
        for message in (data_dir / "broker").rglob("*.inference.msg"):
            message.unlink(missing_ok=True)

        unfinished = "SELECT count(*) FROM diagnosis_diagnosis WHERE status IN ('queued', 'running')"
        wait_for(lambda: rows(unfinished) == [(0,)], deadline=90, what="every diagnosis to end", every=0.5)

        assert len(killed) == KILLS
        assert rows("SELECT count(*) FROM studies_instance") == [(IMAGES,)]
        outcomes = rows("SELECT id, status, attempts FROM diagnosis_diagnosis")
        assert {status for _, status, _ in outcomes} == {"completed"}
        assert all(attempts >= 2 for pk, _, attempts in outcomes if pk in killed)
        findings = rows("SELECT count(*) FROM diagnosis_finding GROUP BY diagnosis_id")
        assert findings == [(len(kinds),)] * IMAGES
        assert rows("SELECT count(*) FROM diagnosis_worklistentry WHERE status = 'completed'") == [(IMAGES,)]
