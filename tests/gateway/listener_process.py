"""`manage.py run_listener` as a process of its own, and dcmtk's programs against it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.association import Association

from apps.gateway.sockets import CallingAE
from tests.peers.program import find_program
from tests.running_platform import ROOT, clean_environment
from tests.waiting import wait_for

AE_TITLE = "CXRPLATFORM"


def manage(data_dir: Path, *arguments: str, **environment: str) -> str:
    """Run a command of `manage.py` and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean_environment(data_dir, **environment),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout


class ListenerProcess:
    """A running listener, its port and its data."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        # As `up` starts it: one heap per thread would make it grow.
        self.environment = clean_environment(data_dir, MALLOC_ARENA_MAX="2", **environment)
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.port = 0

    def start(self) -> None:
        """Start it and wait until it says that it accepts associations."""
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_listener"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        line = wait_for(self._ready_line, deadline=60, what="LISTENER READY")
        self.port = int(line.rsplit(":", 1)[1])

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip())

    def _ready_line(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, "\n".join(self.lines)
        return next((line for line in self.lines if line.startswith("LISTENER READY ")), "")

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self.process is not None
        return self.process.pid

    @property
    def memory_mib(self) -> float:
        """What the process holds of the machine's memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> int:
        """Ask it to drain; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(timeout=15)
        self.kill()
        return status

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self._reader is not None:
            self._reader.join()

    def rows(self, query: str, *parameters: object) -> list[Any]:
        """Ask the database."""
        with closing(sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20)) as connection:
            return connection.execute(query, parameters).fetchall()

    def stored_file(self, sop_instance_uid: str) -> bytes:
        """Return the bytes that are stored for an instance."""
        ((key,),) = self.rows(
            "SELECT storage_key FROM studies_instance WHERE sop_instance_uid = ?", sop_instance_uid
        )
        return (self.data_dir / "objects" / str(key)).read_bytes()

    def stored_files(self) -> list[Path]:
        """Return every stored object's file."""
        return [path for path in (self.data_dir / "objects").rglob("*") if path.is_file()]

    @contextmanager
    def association(
        self, *, calling: str = "MODALITY", called: str = AE_TITLE, contexts: Sequence[tuple[str, str]] = ()
    ) -> Iterator[Association]:
        """Open an association that proposes (SOP class, transfer syntax) pairs."""
        ae = CallingAE(calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
        for sop_class_uid, transfer_syntax_uid in contexts:
            ae.add_requested_context(sop_class_uid, transfer_syntax_uid)
        assoc = ae.associate("127.0.0.1", self.port, ae_title=called)
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()

    def send(self, ds: Dataset, *, calling: str = "MODALITY") -> Dataset:
        """Send one object in an association of its own and return the answer."""
        contexts = [(str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID))]
        with self.association(calling=calling, contexts=contexts) as assoc:
            assert assoc.is_established
            return assoc.send_c_store(ds)

    def run(self, program: str, *files: Path, options: Sequence[str] = (), calling: str = "DCMTK") -> str:
        """Run `echoscu` or `storescu` against the listener and return what it said."""
        done = subprocess.run(
            [
                *(find_program(program, package="dcmtk"), "-v", *options),
                *("-aet", calling, "-aec", AE_TITLE, "127.0.0.1", str(self.port), *map(str, files)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr
