"""`manage.py up` as an operator meets it: ready, watched, restarted, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.gateway.sender import echo
from tests.running_platform import READY, ROOT, Platform, clean_environment, running_platform
from tests.system.phantoms import phantom_file
from tests.waiting import wait_for

CHILDREN = ("web", "listener", "worker", "trainer", "beat")

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    # Longer than the address of a Unix socket may be: decoding once failed in such a folder.
    folder = tmp_path_factory.mktemp("up") / ("a-long-name-" * 8) / "data"
    with running_platform(folder, CXR_DICOM_OPEN="1") as running:
        yield running


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_megabytes(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1]) / 1024


def test_ready_is_the_one_line_on_stdout(up: Platform) -> None:
    assert len(up.output) == 1
    assert READY.match(up.output[0])


def test_ready_means_ready(up: Platform) -> None:
    assert up.request("GET", "/healthz").status == 200
    assert up.request("GET", "/readyz").json() == {"status": "ready"}
    status = echo(
        host=up.dicom_host, port=up.dicom_port, called_ae_title=up.ae_title, calling_ae_title="TESTS"
    )
    assert status == 0
    metrics = up.request("GET", "/metrics").body.decode()
    assert "cxr_oldest_unprocessed_seconds" in metrics
    assert 'cxr_diagnoses{status="queued"}' in metrics


def test_everything_is_in_the_data_folder_which_only_its_owner_reads(up: Platform) -> None:
    assert up.data_dir.stat().st_mode & 0o777 == 0o700
    assert (up.data_dir / "secret_key").stat().st_mode & 0o077 == 0
    for name in CHILDREN:
        assert (up.data_dir / "log" / f"{name}.log").exists()


def test_web_and_listener_stay_small(up: Platform) -> None:
    assert resident_megabytes(up.child("web")) <= 200
    assert resident_megabytes(up.child("listener")) <= 150


def test_second_up_on_the_same_data_is_refused(up: Platform) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=up.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert f"in use by the process {up.process.pid}" in second.stderr
    assert second.stdout == ""


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=clean_environment(tmp_path / "data", CXR_HTTP_PORT=port),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr


@pytest.mark.parametrize("name", CHILDREN)
def test_killed_child_is_restarted_and_said_so(up: Platform, name: str) -> None:
    before = up.child(name)
    announced = sum(f"{name.upper()} READY" in line for line in up.errors)
    os.kill(before, signal.SIGKILL)

    def ready_again() -> bool:
        return sum(f"{name.upper()} READY" in line for line in up.errors) > announced

    wait_for(ready_again, deadline=60, what=f"{name} to come back")
    assert up.child(name) != before
    assert any(f"{name} ended with signal SIGKILL; restarting" in line for line in up.errors)
    assert up.request("GET", "/readyz").status == 200


def test_requests_wait_while_the_web_process_restarts(up: Platform) -> None:
    os.kill(up.child("web"), signal.SIGKILL)
    assert up.request("GET", "/healthz").status == 200


def test_lost_message_is_found_by_the_sweep(up: Platform, tmp_path: Path) -> None:
    path, uid = phantom_file(tmp_path)
    worker = up.child("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        assert up.store(path) == [0]
        messages = up.data_dir / "broker" / "messages"
        lost = wait_for(lambda: list(messages.glob("*.inference.msg")), what="the message")
        for message in lost:
            message.unlink()
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for(lambda: up.outcome(uid), deadline=40, what="the sweep to find the image")
    assert up.rows("SELECT COUNT(*) FROM diagnosis_diagnosis WHERE attempts > 1") == [(0,)]


def test_sigterm_drains_and_leaves_nothing(tmp_path: Path) -> None:
    with running_platform(tmp_path / "data") as platform:
        children = [platform.child(name) for name in CHILDREN]
        begun = time.monotonic()
        assert platform.stop() == 0
        assert time.monotonic() - begun <= 10
        assert not any(alive(pid) for pid in children)


def test_children_end_with_a_killed_up(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data")
    platform.wait_until_ready()
    children = [platform.child(name) for name in CHILDREN]
    platform.process.kill()
    platform.process.wait()
    wait_for(lambda: not any(alive(pid) for pid in children), deadline=20, what="the children to end")
    platform.stop()
