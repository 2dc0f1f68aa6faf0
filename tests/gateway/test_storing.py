"""C-ECHO and C-STORE by real associations: every status, and what is on disk when it is given."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_STORE

from apps.gateway.abilities import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES, VERIFICATION
from tests.gateway.listener_process import ListenerProcess
from tests.peers.orthanc import Orthanc
from tests.studies.decoding.objects import part10, recoded
from tests.studies.decoding.test_transfer_syntaxes import LOSSLESS_ENCODERS, LOSSY_ENCODERS
from tests.studies.radiographs import (
    COMPUTED_RADIOGRAPHY,
    HOSTILE_TEXT,
    bare_dataset,
    deep_sequences,
    many_elements,
    radiograph,
)
from tests.waiting import wait_for

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

PROPOSAL = """
[[TransferSyntaxes]]
[SYNTAX]
TransferSyntax1 = {transfer_syntax_uid}
[[PresentationContexts]]
[CONTEXT]
PresentationContext1 = {sop_class_uid}\\SYNTAX
[[Profiles]]
[ONE]
PresentationContexts = CONTEXT
"""
"""dcmtk's `storescu.cfg` that proposes one presentation context."""

# Against the same listener, so that each test also shows that the one before left it whole.
pytestmark = pytest.mark.xdist_group("listener")


def send_bytes(
    listener: ListenerProcess,
    data: bytes,
    *,
    sop_instance_uid: str = "1.2.3",
    sop_class_uid: str = COMPUTED_RADIOGRAPHY,
    transfer_syntax_uid: str = EXPLICIT,
) -> Dataset:
    """Send bytes as a C-STORE's dataset, whatever they are."""
    with listener.association(contexts=[(COMPUTED_RADIOGRAPHY, transfer_syntax_uid)]) as assoc:
        assert assoc.is_established
        request = C_STORE()
        request.MessageID = 1
        request.Priority = 2
        request.AffectedSOPClassUID = UID(sop_class_uid)
        request.AffectedSOPInstanceUID = UID(sop_instance_uid)
        request.DataSet = BytesIO(data) if data else None
        context = assoc.accepted_contexts[0].context_id
        assert context is not None
        assoc._reactor_checkpoint.clear()
        assoc.dimse.send_msg(request, context)
        _, answer = assoc.dimse.get_msg(block=True)
        assoc._reactor_checkpoint.set()
        assert isinstance(answer, C_STORE)
        status = Dataset()
        status.Status = answer.Status
        status.ErrorComment = str(answer.ErrorComment)
        return status


def still_serves(listener: ListenerProcess) -> bool:
    """Say whether the same process stores the next good image."""
    ds = radiograph()
    assert listener.process is not None
    assert listener.process.poll() is None
    return listener.send(ds).Status == 0x0000 and listener.stored_file(ds.SOPInstanceUID) != b""


@pytest.mark.peer("dcmtk")
def test_echo(listener: ListenerProcess) -> None:
    assert "Received Echo Response (Success)" in listener.run("echoscu")


def test_an_object_is_stored_as_it_was_sent_and_known_when_sent_again(listener: ListenerProcess) -> None:
    ds = radiograph()

    answers = [listener.send(ds), listener.send(ds)]

    assert [answer.Status for answer in answers] == [0x0000, 0x0000]
    assert "ErrorComment" not in answers[0]
    assert listener.stored_file(ds.SOPInstanceUID).endswith(bare_dataset(ds))
    (row,) = listener.rows(
        "SELECT sha256, door, sender FROM studies_instance WHERE sop_instance_uid = ?", ds.SOPInstanceUID
    )
    assert row == (hashlib.sha256(bare_dataset(ds)).hexdigest(), "dicom", "MODALITY")
    queued = listener.rows(
        "SELECT status FROM diagnosis_diagnosis d JOIN studies_instance i ON i.id = d.instance_id"
        " WHERE sop_instance_uid = ?",
        ds.SOPInstanceUID,
    )
    assert queued == [("queued",)]


def test_other_bytes_under_the_same_uid_are_answered_b007(listener: ListenerProcess) -> None:
    ds = radiograph()
    listener.send(ds)
    ds.PatientComments = "changed"

    answer = listener.send(ds)

    assert answer.Status == 0xB007
    assert 0 < len(answer.ErrorComment) <= 64
    assert answer.ErrorComment.isascii()


@pytest.mark.parametrize("sop_class_uid", STORAGE_SOP_CLASSES)
def test_every_storage_class_is_taken(listener: ListenerProcess, sop_class_uid: str) -> None:
    assert listener.send(radiograph(SOPClassUID=UID(sop_class_uid))).Status == 0x0000


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("uid", TRANSFER_SYNTAXES)
def test_storescu_sends_every_transfer_syntax(listener: ListenerProcess, uid: str, tmp_path: Path) -> None:
    bits, encoder = LOSSY_ENCODERS.get(uid, (12, LOSSLESS_ENCODERS.get(uid)))
    native = radiograph(bits=bits, **({"transfer_syntax": UID(uid)} if encoder is None else {}))
    data = part10(native) if encoder is None else recoded(part10(native), encoder, tmp_path)
    file = tmp_path / "image.dcm"
    file.write_bytes(data)

    configuration = tmp_path / "storescu.cfg"
    configuration.write_text(PROPOSAL.format(sop_class_uid=native.SOPClassUID, transfer_syntax_uid=uid))
    said = listener.run("storescu", file, options=["-xf", str(configuration), "ONE"])

    assert "Received Store Response (Success)" in said
    stored = listener.rows(
        "SELECT transfer_syntax_uid FROM studies_instance ORDER BY id DESC LIMIT 1",
    )
    assert stored == [(uid,)]


@pytest.mark.parametrize(
    ("sop_class_uid", "transfer_syntax_uid"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", EXPLICIT),  # CT
        ("1.2.840.10008.5.1.4.1.1.104.2", EXPLICIT),  # encapsulated CDA
        (COMPUTED_RADIOGRAPHY, "1.2.840.10008.1.2.1.99"),  # deflated
        (COMPUTED_RADIOGRAPHY, "1.2.840.10008.1.2.2"),  # big endian
        (VERIFICATION, "1.2.840.10008.1.2.1.99"),
    ],
)
def test_what_we_cannot_use_is_not_negotiated(
    listener: ListenerProcess, sop_class_uid: str, transfer_syntax_uid: str
) -> None:
    contexts = [(VERIFICATION, IMPLICIT), (sop_class_uid, transfer_syntax_uid)]
    with listener.association(contexts=contexts) as assoc:
        assert [context.abstract_syntax for context in assoc.accepted_contexts] == [VERIFICATION]


MALFORMED = {
    "empty": b"",
    "random": os.urandom(20_000),
    "truncated": bare_dataset(radiograph(SOPInstanceUID="1.2.3", SOPClassUID=COMPUTED_RADIOGRAPHY))[:-5000],
    "deep sequences": deep_sequences(5000),
    "half a million elements": many_elements(500_000),
    "a whole file": part10(radiograph()),
    "no UIDs": bare_dataset(
        radiograph(StudyInstanceUID="", SOPInstanceUID="1.2.3", SOPClassUID=COMPUTED_RADIOGRAPHY)
    ),
    "html": b"<html><script>alert(1)</script></html>" * 100,
}


@pytest.mark.parametrize("family", MALFORMED)
def test_malformed_datasets_are_answered_c000(listener: ListenerProcess, family: str) -> None:
    answer = send_bytes(listener, MALFORMED[family])

    assert answer.Status == 0xC000
    assert 0 < len(answer.ErrorComment) <= 64
    assert still_serves(listener)


def test_command_and_dataset_that_disagree_are_answered_a900(listener: ListenerProcess) -> None:
    ds = radiograph(SOPClassUID=UID(COMPUTED_RADIOGRAPHY))

    assert send_bytes(listener, bare_dataset(ds), sop_instance_uid="1.2.3.4").Status == 0xA900


def test_a_command_of_another_class_is_answered_0122(listener: ListenerProcess) -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"

    assert send_bytes(listener, bare_dataset(radiograph()), sop_class_uid=ct).Status == 0x0122


def test_hostile_uids_are_answered_c000(listener: ListenerProcess) -> None:
    ds = radiograph(SOPInstanceUID="../../../etc/passwd", SOPClassUID=COMPUTED_RADIOGRAPHY)

    assert send_bytes(listener, bare_dataset(ds)).Status == 0xC000
    assert still_serves(listener)


def test_hostile_text_is_stored_and_harmless(listener: ListenerProcess) -> None:
    ds = radiograph(
        PatientName=HOSTILE_TEXT, StudyDescription=HOSTILE_TEXT, SOPClassUID=UID(COMPUTED_RADIOGRAPHY)
    )

    answer = send_bytes(listener, bare_dataset(ds), sop_instance_uid=ds.SOPInstanceUID)

    assert answer.Status == 0x0000
    assert listener.stored_file(ds.SOPInstanceUID).endswith(bare_dataset(ds))
    ((name,),) = listener.rows("SELECT patient_name FROM studies_patient WHERE patient_id = ?", ds.PatientID)
    assert not set(name) & set("\u202e\u2066\x1b\r\n")
    assert not [line for line in listener.lines if "\x1b" in line or "\u202e" in line]


def test_many_senders_of_one_object_make_one_row_and_one_object(listener: ListenerProcess) -> None:
    ds = radiograph()
    contexts = [(str(ds.SOPClassUID), EXPLICIT)]
    before = len(listener.stored_files())

    def send_five_times(_: int) -> list[int]:
        with listener.association(contexts=contexts) as assoc:
            return [int(assoc.send_c_store(ds).Status) for _ in range(5)]

    with ThreadPoolExecutor(20) as senders:
        statuses = [status for sent in senders.map(send_five_times, range(20)) for status in sent]

    assert statuses == [0x0000] * 100
    uid = ds.SOPInstanceUID
    assert listener.rows("SELECT count(*) FROM studies_instance WHERE sop_instance_uid = ?", uid) == [(1,)]
    assert len(listener.stored_files()) == before + 1
    assert list((listener.data_dir / "spool").iterdir()) == []


@pytest.mark.peer("orthanc")
def test_orthanc_forwards_a_study(listener: ListenerProcess, orthanc: Orthanc) -> None:
    first = radiograph()
    second = radiograph(
        StudyInstanceUID=first.StudyInstanceUID,
        SeriesInstanceUID=first.SeriesInstanceUID,
        PatientID=first.PatientID,
    )
    kept = [orthanc.store(part10(ds)) for ds in (first, second)]
    orthanc.add_modality("cxr", ae_title="CXRPLATFORM", port=listener.port)

    answer = orthanc.forward("cxr", kept[0]["ParentStudy"])

    assert (answer["InstancesCount"], answer["FailedInstancesCount"]) == (2, 0)
    found = listener.rows(
        "SELECT i.sop_instance_uid FROM studies_instance i JOIN studies_series s ON s.id = i.series_id"
        " JOIN studies_study t ON t.id = s.study_id WHERE study_instance_uid = ?",
        first.StudyInstanceUID,
    )
    assert {uid for (uid,) in found} == {first.SOPInstanceUID, second.SOPInstanceUID}


def test_the_listener_is_light(listener: ListenerProcess) -> None:
    for _ in range(20):
        listener.send(radiograph())

    maps = Path(f"/proc/{listener.pid}/maps").read_text()
    assert not [name for name in ("cv2", "openvino", "tensorflow") if name in maps]
    assert listener.memory_mib < 150


def test_nothing_of_an_association_stays_behind(listener: ListenerProcess) -> None:
    wait_for(lambda: _threads(listener) <= 3, what="the threads of ended associations to end")


def _threads(listener: ListenerProcess) -> int:
    return len(list(Path(f"/proc/{listener.pid}/task").iterdir()))
