"""Five kills of the worker in mid-inference and an emptied broker: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ml.contracts import Finding
from ml.phantom import phantom_dicom
from tests.running_platform import Platform, running_platform
from tests.waiting import wait_for

KILLS = 5
IMAGES_PER_KILL = 3


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

    pid = wait_for(lambda: _child(platform), deadline=60, what="a worker")
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
    data_dir = tmp_path / "data"
    findings = list(Finding)

    with running_platform(data_dir, CXR_WORKER_THREADS="1") as platform:
        rows = Rows(data_dir)

        def send(turn: int) -> None:
            folder = tmp_path / f"turn-{turn}"
            folder.mkdir()
            for seed in range(IMAGES_PER_KILL):
                kind = findings[(turn + seed) % len(findings)]
                (folder / f"{seed}.dcm").write_bytes(phantom_dicom(kind, seed=100 * turn + seed))
            platform.manage("import_studies", str(folder))

        killed: set[int] = set()
        send(0)
        for turn in range(1, KILLS + 1):
            worker_kill(platform, rows, killed)
            send(turn)  # while the worker is down, so that it finds work when it returns
        for message in (data_dir / "broker").rglob("*.inference.msg"):
            message.unlink(missing_ok=True)

        count = (KILLS + 1) * IMAGES_PER_KILL
        finished = (
            "SELECT count(*) FROM diagnosis_diagnosis WHERE status IN ('completed', 'rejected', 'failed')"
        )
        wait_for(lambda: rows(open_rows) == [(0,)], deadline=90, what="every diagnosis to end", every=0.5)

        assert len(killed) >= KILLS
        assert rows("SELECT count(*) FROM studies_instance") == [(count,)]
        outcomes = rows("SELECT status, attempts FROM diagnosis_diagnosis")
        assert {status for status, _ in outcomes} == {"completed"}
        assert max(attempts for _, attempts in outcomes) >= 2, "no kill hit a diagnosis"
        per_diagnosis = rows("SELECT count(*) FROM diagnosis_finding GROUP BY diagnosis_id")
        assert per_diagnosis == [(len(findings),)] * count
        assert rows("SELECT count(*) FROM diagnosis_worklistentry WHERE status = 'completed'") == [(count,)]
