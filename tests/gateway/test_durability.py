"""Success means durable: kills, full disks and a database that is away."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from pydicom.dataset import Dataset

from tests.gateway.listener_process import ListenerProcess, manage
from tests.studies.radiographs import bare_dataset, radiograph
from tests.waiting import wait_for

KILLS = 5


@pytest.fixture
def own_listener(listener_folder: Path) -> Iterator[ListenerProcess]:
    """A listener whose data the test may spoil."""
    process = ListenerProcess(listener_folder, CXR_DICOM_OPEN="1")
    process.start()
    yield process
    process.kill()


class Sender(threading.Thread):
    """Sends objects one after the other until the listener is gone, and notes what was acknowledged."""

    def __init__(self, listener: ListenerProcess) -> None:
        super().__init__()
        self.listener = listener
        self.acknowledged: dict[str, str] = {}

    def run(self) -> None:
        """Send until an answer stays away."""
        prototype = radiograph()
        contexts = [(str(prototype.SOPClassUID), str(prototype.file_meta.TransferSyntaxUID))]
        with self.listener.association(contexts=contexts) as assoc:
            while assoc.is_established:
                ds = radiograph()
                try:
                    if assoc.send_c_store(ds).get("Status") != 0x0000:
                        return
                except RuntimeError:  # the association ended between two objects
                    return
                self.acknowledged[ds.SOPInstanceUID] = hashlib.sha256(bare_dataset(ds)).hexdigest()


def sweep(listener: ListenerProcess) -> None:
    """Register what lies in the spool, old enough or not."""
    for path in (listener.data_dir / "spool").iterdir():
        os.utime(path, (0, 0))
    manage(
        listener.data_dir,
        *("shell", "-v0", "-c"),
        "from apps.studies.services.sweeping import spool_sweep; print(spool_sweep())",
    )


@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_kill_9(own_listener: ListenerProcess) -> None:
    chaos = random.Random(2)
    acknowledged: dict[str, str] = {}
    for _ in range(KILLS):
        senders = [Sender(own_listener) for _ in range(3)]
        for sender in senders:
            sender.start()
        wait_for(lambda s=senders: sum(len(sender.acknowledged) for sender in s) > 2, deadline=30)  # type: ignore[misc]  # bound by its default
        threading.Event().wait(chaos.uniform(0, 0.3))  # any instant: the kill must not know where the work is
        own_listener.kill()
        for sender in senders:
            sender.join(timeout=40)
            assert not sender.is_alive()
            acknowledged |= sender.acknowledged
        own_listener.start()

    sweep(own_listener)

    stored = {
        uid: (
            sha256,
            hashlib.sha256((own_listener.data_dir / "objects" / key).read_bytes()).hexdigest() == file_sha256,
        )
        for uid, sha256, file_sha256, key in own_listener.rows(
            "SELECT sop_instance_uid, sha256, file_sha256, storage_key FROM studies_instance"
        )
    }
    assert len(acknowledged) > 2 * KILLS
    assert {uid: stored.get(uid) for uid in acknowledged} == {
        uid: (sha, True) for uid, sha in acknowledged.items()
    }
    assert list((own_listener.data_dir / "spool").iterdir()) == []
    assert len(own_listener.stored_files()) == len(stored)


def test_a_full_disk_is_answered_a700(listener_folder: Path) -> None:
    listener = ListenerProcess(listener_folder, CXR_DICOM_OPEN="1", CXR_SPOOL_RESERVE_BYTES=str(1 << 60))
    listener.start()
    try:
        answer = listener.send(radiograph())

        assert answer.Status == 0xA700
        assert "disk" in answer.ErrorComment
        assert list((listener_folder / "spool").iterdir()) == []
        assert not listener.rows("SELECT * FROM studies_instance")
    finally:
        listener.kill()


def test_an_object_beyond_the_limit_is_refused_in_words(listener_folder: Path) -> None:
    listener = ListenerProcess(listener_folder, CXR_DICOM_OPEN="1", CXR_MAX_OBJECT_BYTES="90000")
    listener.start()
    try:
        answer = listener.send(radiograph())

        assert answer.Status == 0xC000
        assert "larger than 90000 bytes" in answer.ErrorComment
        assert list((listener_folder / "spool").iterdir()) == []
    finally:
        listener.kill()


@contextmanager
def database_away(listener: ListenerProcess) -> Iterator[None]:
    """Take a table away, as a failing database would."""

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(listener.data_dir / "db.sqlite3", timeout=20)) as connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    rename("studies_instance", "gone")
    yield
    rename("gone", "studies_instance")


def test_a_failing_database_is_answered_a700_and_the_object_is_registered_later(
    own_listener: ListenerProcess,
) -> None:
    ds: Dataset = radiograph()
    with database_away(own_listener):
        answer = own_listener.send(ds)
        assert answer.Status == 0xA700
        assert own_listener.run("echoscu").count("Success") == 1
    assert len(list((own_listener.data_dir / "spool").glob("*.object"))) == 1

    sweep(own_listener)

    assert own_listener.stored_file(ds.SOPInstanceUID).endswith(bare_dataset(ds))
    assert own_listener.rows("SELECT door, sender FROM studies_instance") == [("dicom", "MODALITY")]
    assert own_listener.send(ds).Status == 0x0000


def test_sigterm_lets_an_object_on_its_way_arrive(own_listener: ListenerProcess) -> None:
    sender = Sender(own_listener)
    sender.start()
    wait_for(lambda: len(sender.acknowledged) > 1, deadline=30)
    with own_listener.association(contexts=[("1.2.840.10008.1.1", "1.2.840.10008.1.2")]) as idle:
        assert own_listener.process is not None
        own_listener.process.send_signal(signal.SIGTERM)

        assert own_listener.process.wait(timeout=10) == 0
        wait_for(lambda: not idle.is_established, what="the idle association to be aborted")
    sender.join(timeout=40)
    stored = {uid for (uid,) in own_listener.rows("SELECT sop_instance_uid FROM studies_instance")}
    assert set(sender.acknowledged) <= stored
    assert list((own_listener.data_dir / "spool").iterdir()) == []


def send_at_once(*listeners: ListenerProcess, ds: Dataset) -> list[int]:
    """Send one object five times from five senders to each listener; return the answers."""

    def send(listener: ListenerProcess) -> list[int]:
        return [int(listener.send(ds).Status) for _ in range(5)]

    with ThreadPoolExecutor(5 * len(listeners)) as senders:
        return [status for sent in senders.map(send, [*listeners] * 5) for status in sent]


def test_two_listeners_on_one_database_keep_one_copy(own_listener: ListenerProcess) -> None:
    second = ListenerProcess(own_listener.data_dir, CXR_DICOM_OPEN="1")
    second.start()
    try:
        assert send_at_once(own_listener, second, ds=radiograph()) == [0x0000] * 50
        assert own_listener.rows("SELECT count(*) FROM studies_instance") == [(1,)]
        assert own_listener.rows("SELECT count(*) FROM diagnosis_diagnosis") == [(1,)]
        assert len(own_listener.stored_files()) == 1
    finally:
        second.kill()


@pytest.mark.peer("postgresql")
def test_two_listeners_on_postgresql_keep_one_copy(postgresql_url: str, tmp_path: Path) -> None:
    """PostgreSQL lets both write at once: the loser finds the winner's row by an IntegrityError."""
    manage(tmp_path, "migrate", "--skip-checks", "-v0", DATABASE_URL=postgresql_url)
    listeners = [ListenerProcess(tmp_path, CXR_DICOM_OPEN="1", DATABASE_URL=postgresql_url) for _ in range(2)]
    try:
        for listener in listeners:
            listener.start()
        first = radiograph()
        same_study = radiograph(StudyInstanceUID=first.StudyInstanceUID, PatientID=first.PatientID)
        with ThreadPoolExecutor(2) as pair:
            both = pair.map(lambda ds: send_at_once(*listeners, ds=ds), (first, same_study))
            assert list(both) == [[0x0000] * 50] * 2
        with psycopg.connect(postgresql_url) as connection:
            counts = connection.execute(
                "SELECT (SELECT count(*) FROM studies_instance), (SELECT count(*) FROM studies_study),"
                " (SELECT count(*) FROM studies_conflictingobject),"
                " (SELECT count(*) FROM diagnosis_diagnosis)"
            ).fetchone()
        assert counts == (2, 1, 0, 2)
        assert len(listeners[0].stored_files()) == 2
        assert list((tmp_path / "spool").iterdir()) == []
    finally:
        for listener in listeners:
            listener.kill()
