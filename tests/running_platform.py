"""The platform as an operator starts it: `manage.py up` in a data folder of its own, on free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.gateway.sender import store_files
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
READY = re.compile(r"^READY (?P<url>http://\S+) dicom://(?P<aet>[^@]+)@(?P<host>[^:]+):(?P<port>\d+)$")
PASSWORD = "Correct-horse-7-battery"


def clean_environment(data_dir: Path, **environment: str) -> dict[str, str]:
    """Return this process's environment with our variables for a new installation in `data_dir`."""
    ours = re.compile(r"CXR_|DATABASE_URL|CELERY_|DJANGO_SETTINGS_MODULE")
    return {
        **{name: value for name, value in os.environ.items() if not ours.match(name)},
        "CXR_DATA_DIR": str(data_dir),
        "CXR_HTTP_PORT": "0",
        "CXR_DICOM_PORT": "0",
        "CXR_SPOOL_RESERVE_BYTES": "1048576",
        "CXR_STUDY_QUIET_SECONDS": "2",
        **environment,
    }


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.body)


class Platform:
    """A running `manage.py up`, its addresses and its commands."""

    def __init__(self, data_dir: Path, *, arguments: Sequence[str] = (), **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = clean_environment(data_dir, **environment)
        self.output: list[str] = []
        self.errors: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()
        self.url, self.ae_title, self.dicom_host, self.dicom_port = "", "", "", 0

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        lines.extend(line.rstrip("\n") for line in stream)

    def wait_until_ready(self, deadline: float = 150.0) -> None:
        """Wait for the READY line and read the addresses from it."""

        def ready() -> re.Match[str] | None:
            if self.process.poll() is not None:
                raise AssertionError(f"up ended with {self.process.returncode}:\n{self.tail()}")
            return next(filter(None, map(READY.match, list(self.output))), None)

        try:
            match = wait_for(ready, deadline=deadline, what="the READY line")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        assert match is not None
        self.url, self.ae_title = match["url"], match["aet"]
        self.dicom_host, self.dicom_port = match["host"], int(match["port"])

    def tail(self, lines: int = 60) -> str:
        """Return the end of what the platform logged."""
        return "\n".join(self.errors[-lines:])

    def child(self, name: str) -> int:
        """Return the process id of a child: web, listener, worker, trainer or beat."""
        marks = {"web": "run_web", "listener": "run_listener", "beat": "beat"}
        mark = marks.get(name, f"{name}@%h")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except FileNotFoundError:
                continue
            if mark in words:
                return int(pid)
        raise LookupError(f"No child {name} now.")

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run a management command on this installation; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{arguments} exited with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def create_user(self, email: str, role: str, password: str = PASSWORD) -> str:
        """Create a user; return the address."""
        self.manage("create_user", email, "--role", role, "--password-stdin", stdin=password)
        return email

    def create_api_key(self, email: str, *scopes: str) -> str:
        """Make a user's API key with these scopes."""
        return self.manage("create_api_key", email, *(f"--scope={scope}" for scope in scopes)).strip()

    def request(
        self, method: str, path: str, *, key: str = "", body: bytes | None = None, content_type: str = ""
    ) -> Answer:
        """Send an HTTP request, by an API key where one is given; error answers are returned, not raised."""
        headers = {"Content-Type": content_type} if content_type else {}
        if key:
            headers["Authorization"] = f"Api-Key {key}"
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Read rows from the installation's own SQLite database."""
        with closing(
            sqlite3.connect(f"file:{self.data_dir / 'db.sqlite3'}?mode=ro", uri=True, timeout=20)
        ) as db:
            return db.execute(query, parameters).fetchall()

    def store(self, *files: Path) -> list[int]:
        """Send files by C-STORE; return their statuses."""
        statuses = store_files(
            host=self.dicom_host,
            port=self.dicom_port,
            called_ae_title=self.ae_title,
            calling_ae_title="TESTS",
            files=files,
        )
        return [status for _, status in statuses]

    def outcome(self, sop_instance_uid: str) -> str:
        """Return the state of the instance's current diagnosis; '' while there is none or it is not over."""
        states = self.rows(
            "SELECT d.status FROM diagnosis_diagnosis d JOIN studies_instance i ON i.id = d.instance_id "
            "WHERE i.sop_instance_uid = ? AND d.current",
            sop_instance_uid,
        )
        over = {"completed", "rejected", "failed"}
        return next((state for (state,) in states if state in over), "")

    def stop(self, deadline: float = 15.0) -> int:
        """Send SIGTERM and return the exit status; kill what did not end by the deadline."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"up did not end within {deadline:g} s of SIGTERM:\n{self.tail()}") from None
        finally:
            for reader in self._readers:
                reader.join(5)
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()


@contextmanager
def running_platform(data_dir: Path, *arguments: str, **environment: str) -> Iterator[Platform]:
    """Run a platform until the end of the block; its READY line has been seen."""
    platform = Platform(data_dir, arguments=arguments, **environment)
    try:
        platform.wait_until_ready()
        yield platform
    finally:
        platform.stop()
