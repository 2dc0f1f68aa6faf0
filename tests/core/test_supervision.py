"""Small programs under the supervisor: readiness, restarts, draining, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from apps.core.supervision import Program, Supervisor
from tests.waiting import wait_for


def program(folder: Path, name: str, code: str) -> Program:
    path = folder / f"{name}.py"
    path.write_text("import os, signal, subprocess, sys, time\n" + textwrap.dedent(code))
    return Program(name, [str(path)])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def appears(path: Path) -> str:
    return wait_for(lambda: path.exists() and path.read_text(), what=f"{path.name}") or ""


STEADY = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(sys.argv[0] + ".pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
    print("STEADY READY", flush=True)
    while True:
        time.sleep(60)
"""


def test_ready_is_called_once_when_all_are_ready_and_stop_drains(tmp_path: Path) -> None:
    calls: list[str] = []
    said: list[str] = []
    supervisor = Supervisor(
        [
            program(tmp_path, "steady", STEADY),
            program(tmp_path, "other", STEADY.replace("STEADY", "OTHER")),
        ],
        log_dir=tmp_path / "log",
        say=said.append,
    )

    async def ready() -> None:
        calls.append("ready")
        supervisor.stop()

    asyncio.run(supervisor.run(when_ready=ready))
    assert calls == ["ready"]
    assert said == []
    assert "STEADY READY" in (tmp_path / "log" / "steady.log").read_text()
    assert not alive(int((tmp_path / "steady.py.pids").read_text()))


def test_killed_child_is_restarted_and_said_so(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor([program(tmp_path, "steady", STEADY)], log_dir=tmp_path / "log", say=said.append)
    pids = tmp_path / "steady.py.pids"

    async def ready() -> None:
        os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)
        async with asyncio.timeout(20):
            while len(pids.read_text().split()) < 2:
                await asyncio.sleep(0.05)
        supervisor.stop()

    asyncio.run(supervisor.run(when_ready=ready))
    assert said == ["steady ended with signal SIGKILL; restarting in 0.5 s"]


def test_pause_between_restarts_grows(tmp_path: Path) -> None:
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        if len(said) == 2:
            supervisor.stop()

    supervisor = Supervisor([program(tmp_path, "hasty", "sys.exit(3)")], log_dir=tmp_path / "log", say=say)

    async def never() -> None:
        raise AssertionError("It was never ready.")

    asyncio.run(supervisor.run(when_ready=never))
    assert said == [
        "hasty ended with exit status 3; restarting in 0.5 s",
        "hasty ended with exit status 3; restarting in 1.5 s",
    ]


def test_what_a_dead_child_left_behind_is_ended(tmp_path: Path) -> None:
    code = """
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(sys.argv[0] + ".left", "w") as file:
            file.write(str(left.pid))
        print("PARENT READY", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    supervisor = Supervisor(
        [program(tmp_path, "parent", code)], log_dir=tmp_path / "log", say=lambda _: supervisor.stop()
    )

    async def ready() -> None:
        pass

    asyncio.run(supervisor.run(when_ready=ready))
    left = int((tmp_path / "parent.py.left").read_text())
    wait_for(lambda: not alive(left), what="the orphan to be killed")


def test_child_that_ignores_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.supervision.STOP_SECONDS", 0.5)
    said: list[str] = []
    code = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("DEAF READY", flush=True)
        time.sleep(600)
    """
    supervisor = Supervisor([program(tmp_path, "deaf", code)], log_dir=tmp_path / "log", say=said.append)

    async def ready() -> None:
        supervisor.stop()

    asyncio.run(supervisor.run(when_ready=ready))
    assert said == ["deaf did not end in time and is killed"]


def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    child = program(tmp_path, "steady", STEADY)
    script = tmp_path / "supervise.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio, sys
            from pathlib import Path
            from django.conf import settings
            from apps.core.supervision import Program, Supervisor
            async def ready(): pass
            programs = [Program("steady", [{child.arguments[0]!r}])]
            supervisor = Supervisor(programs, log_dir=Path({str(tmp_path / "log")!r}), say=print)
            asyncio.run(supervisor.run(when_ready=ready))
            """
        )
    )
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(root)})
    try:
        pid = int(appears(tmp_path / "steady.py.pids"))
        assert alive(pid)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not alive(pid), what="the child to end with its supervisor")
