"""Who may call: peers, strangers, networks, and what each is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pynetdicom.association import Association
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, NotPermittedError
from apps.gateway.callers import caller_recognise
from apps.gateway.models import RemoteAE
from apps.gateway.services import InvalidPeerError, peer_add, peer_echo
from tests.gateway.listener_process import ListenerProcess, manage
from tests.peers.program import free_port
from tests.studies.radiographs import radiograph

ECHO = [("1.2.840.10008.1.1", "1.2.840.10008.1.2")]
OPERATOR = Actor.system("test")


PEERS = """
from apps.accounts.access import Actor
from apps.gateway.services import peer_add
def add(ae_title, host, **fields):
    peer_add(name=ae_title, ae_title=ae_title, host=host, port=104, actor=Actor.system("test"), **fields)
add("MODALITY", "127.0.0.1", allow_store=True)
add("READER", "127.0.0.1")
add("ELSEWHERE", "192.0.2.7", allow_store=True)
add("NETWORK", "192.0.2.7", network="127.0.0.0/8")
"""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[ListenerProcess]:
    """A listener that answers known peers only."""
    folder = shutil.copytree(empty_database, tmp_path_factory.mktemp("closed") / "data")
    manage(folder, "shell", "-v0", "-c", PEERS)
    process = ListenerProcess(folder)
    process.start()
    yield process
    process.kill()


def rejection(assoc: Association) -> tuple[int | None, int | None, int | None] | None:
    """Return (result, source, diagnostic) of a rejected association."""
    answer = assoc.acceptor.primitive
    if not assoc.is_rejected or answer is None:
        return None
    return answer.result, answer.result_source, answer.diagnostic


@pytest.mark.xdist_group("closed listener")
@pytest.mark.parametrize(
    ("calling", "called", "expected"),
    [
        ("MODALITY", "CXRPLATFORM", None),
        ("NETWORK", "CXRPLATFORM", None),
        ("STRANGER", "CXRPLATFORM", (1, 1, 3)),
        ("ELSEWHERE", "CXRPLATFORM", (1, 1, 3)),
        ("MODALITY", "SOMEBODY", (1, 1, 7)),
    ],
)
def test_strangers_are_rejected(
    closed: ListenerProcess, calling: str, called: str, expected: tuple[int, int, int] | None
) -> None:
    with closed.association(calling=calling, called=called, contexts=ECHO) as assoc:
        assert rejection(assoc) == expected
        assert assoc.is_established is (expected is None)
    with closed.association(contexts=ECHO) as assoc:
        assert assoc.send_c_echo().Status == 0x0000


@pytest.mark.xdist_group("closed listener")
def test_a_peer_without_the_permission_to_store_is_answered_0124(closed: ListenerProcess) -> None:
    ds = radiograph()

    assert closed.send(ds, calling="READER").Status == 0x0124
    assert closed.send(ds, calling="MODALITY").Status == 0x0000
    assert closed.rows(
        "SELECT sender FROM studies_instance WHERE sop_instance_uid = ?", ds.SOPInstanceUID
    ) == [("MODALITY",)]


@pytest.mark.xdist_group("closed listener")
def test_contact_and_rejection_leave_a_trace_but_not_one_each(closed: ListenerProcess) -> None:
    for _ in range(3):
        with closed.association(calling="INTRUDER", contexts=ECHO) as assoc:
            assert not assoc.is_established
    closed.send(radiograph())

    rejections = "SELECT source, outcome FROM audit_auditevent WHERE action = ? AND actor = ?"
    assert closed.rows(rejections, "association_rejected", "INTRUDER") == [("127.0.0.1", "failure")]
    ((contact,),) = closed.rows("SELECT last_contact_at FROM gateway_remoteae WHERE name = 'MODALITY'")
    assert contact


@pytest.mark.xdist_group("closed listener")
def test_a_peer_that_is_switched_off_is_a_stranger(closed: ListenerProcess) -> None:
    def switch(enabled: bool) -> None:
        with closing(sqlite3.connect(closed.data_dir / "db.sqlite3", timeout=20)) as connection, connection:
            connection.execute("UPDATE gateway_remoteae SET enabled = ? WHERE name = 'NETWORK'", [enabled])

    switch(False)
    try:
        with closed.association(calling="NETWORK", contexts=ECHO) as assoc:
            assert rejection(assoc) == (1, 1, 3)
    finally:
        switch(True)


def test_callers_are_recognised_by_title_and_address_together(db: None, settings: Settings) -> None:
    peer_add(name="a", ae_title="A", host="localhost", port=104, allow_store=True, actor=OPERATOR)
    peer_add(name="b", ae_title="B", host="192.0.2.1", port=104, network="2001:db8::/32", actor=OPERATOR)

    recognised = caller_recognise(ae_title="A", address="::ffff:127.0.0.1")
    assert recognised is not None
    assert recognised.may_store
    assert caller_recognise(ae_title="A", address="127.0.0.2") is None
    assert caller_recognise(ae_title="B", address="2001:db8::7") is not None
    assert caller_recognise(ae_title="B", address="192.0.2.1") is None
    assert caller_recognise(ae_title="C", address="127.0.0.1") is None
    settings.DICOM_OPEN = True
    assert caller_recognise(ae_title="C", address="127.0.0.1") is not None
    assert caller_recognise(ae_title="C", address="192.0.2.1") is None


def test_a_peer_is_checked_before_it_is_known(db: None) -> None:
    good = {"name": "a", "ae_title": "A", "host": "h", "port": 104, "actor": OPERATOR}
    peer_add(**good)  # type: ignore[arg-type]  # varied by name

    with pytest.raises(ConflictError):
        peer_add(**good)  # type: ignore[arg-type]  # varied by name
    wrong: list[dict[str, object]] = [
        {"ae_title": "A" * 17},
        {"ae_title": "A\\B"},
        {"port": 0},
        {"network": "10.0.0.0/99"},
    ]
    for change in wrong:
        with pytest.raises(InvalidPeerError):
            peer_add(**{**good, "name": "b", **change})  # type: ignore[arg-type]  # varied by name
    with pytest.raises(NotPermittedError):
        peer_add(**{**good, "name": "b", "actor": Actor(name="x", role=None, rights=frozenset())})  # type: ignore[arg-type]  # varied by name
    assert AuditEvent.objects.filter(action="admin_changed", object_type="RemoteAE").count() == 1


def test_an_echo_to_a_peer_is_kept_in_words(db: None, listener: ListenerProcess) -> None:
    us = peer_add(name="us", ae_title="CXRPLATFORM", host="127.0.0.1", port=listener.port, actor=OPERATOR)
    nobody = peer_add(name="nobody", ae_title="X", host="127.0.0.1", port=free_port(), actor=OPERATOR)
    wrong = peer_add(name="wrong", ae_title="WRONG", host="127.0.0.1", port=listener.port, actor=OPERATOR)

    assert peer_echo(us) == "Success"
    assert "did not answer" in peer_echo(nobody)
    assert "rejected our association" in peer_echo(wrong)
    results = dict(RemoteAE.objects.values_list("name", "last_echo_result"))
    assert results["us"] == "Success"
    assert RemoteAE.objects.filter(last_echo_at=None).count() == 0


def test_the_command_adds_a_peer(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--tls", "--send-results", "--allow-store", "--storage-commitment", "--network", "10.1.2.3/16"]
    call_command("add_peer", "PACS", "--ae-title", "ORTHANC", "--host", "pacs", "--port", "4242", *flags)

    peer = RemoteAE.objects.get()
    assert (peer.name, peer.ae_title, peer.host, peer.port) == ("PACS", "ORTHANC", "pacs", 4242)
    assert (peer.tls, peer.send_results, peer.allow_store, peer.storage_commitment) == (True,) * 4
    assert peer.network == "10.1.0.0/16"
    assert "PACS" in capsys.readouterr().out
    with pytest.raises(CommandError, match="exists already"):
        call_command("add_peer", "PACS", "--ae-title", "ORTHANC", "--host", "pacs", "--port", "4242")
