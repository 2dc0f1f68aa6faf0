"""The calling side: one association a batch, every file in its own encoding."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEGLSLossless

from apps.gateway.sender import (
    NO_ANSWER,
    PeerRefusedError,
    PeerUnreachableError,
    echo,
    store_files,
)
from tests.gateway.listener_process import ListenerProcess
from tests.peers.orthanc import Orthanc
from tests.peers.program import free_port
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import bare_dataset, radiograph

pytestmark = pytest.mark.xdist_group("listener")


def batch(folder: Path) -> list[Path]:
    """Write one study in three encodings."""
    first = radiograph()
    same = {"StudyInstanceUID": first.StudyInstanceUID, "PatientID": first.PatientID}
    implicit = radiograph(transfer_syntax=ImplicitVRLittleEndian, **same)
    compressed = radiograph(**same)
    compressed.compress(JPEGLSLossless, generate_instance_uid=False)
    files = []
    for number, ds in enumerate((first, implicit, compressed)):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(part10(ds))
    return files


def test_a_batch_travels_unchanged(listener: ListenerProcess, tmp_path: Path) -> None:
    files = batch(tmp_path)

    statuses = store_files(
        host="127.0.0.1",
        port=listener.port,
        called_ae_title="CXRPLATFORM",
        calling_ae_title="US",
        files=files,
    )

    assert statuses == [(file, 0x0000) for file in files]
    newest = listener.rows(
        "SELECT transfer_syntax_uid, sender FROM studies_instance ORDER BY id DESC LIMIT 3"
    )
    assert newest == [
        ("1.2.840.10008.1.2.4.80", "US"),
        ("1.2.840.10008.1.2", "US"),
        ("1.2.840.10008.1.2.1", "US"),
    ]


@pytest.mark.peer("orthanc")
def test_orthanc_takes_a_batch(orthanc: Orthanc, tmp_path: Path) -> None:
    files = batch(tmp_path)

    statuses = store_files(
        host="127.0.0.1",
        port=orthanc.dicom_port,
        called_ae_title="ORTHANC",
        calling_ae_title="US",
        files=files,
    )

    assert [status for _, status in statuses] == [0x0000] * 3
    assert (
        echo(host="127.0.0.1", port=orthanc.dicom_port, called_ae_title="ORTHANC", calling_ae_title="US") == 0
    )


def test_what_a_peer_does_not_take_is_told_by_file(listener: ListenerProcess, tmp_path: Path) -> None:
    good, ct = radiograph(), radiograph(SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.2"))
    files = [tmp_path / "good.dcm", tmp_path / "ct.dcm"]
    for file, ds in zip(files, (good, ct), strict=True):
        file.write_bytes(part10(ds))

    statuses = store_files(
        host="127.0.0.1",
        port=listener.port,
        called_ae_title="CXRPLATFORM",
        calling_ae_title="US",
        files=files,
    )

    assert statuses == [(files[0], 0x0000), (files[1], NO_ANSWER)]
    assert listener.stored_file(good.SOPInstanceUID).endswith(bare_dataset(good))


def test_peers_that_refuse_are_told_from_those_that_are_gone(
    listener: ListenerProcess, tmp_path: Path
) -> None:
    us = {"calling_ae_title": "US"}
    with pytest.raises(PeerRefusedError, match="AE title"):
        echo(host="127.0.0.1", port=listener.port, called_ae_title="WRONG", **us)
    with pytest.raises(PeerUnreachableError, match="did not answer"):
        echo(host="127.0.0.1", port=free_port(), called_ae_title="X", **us)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PeerUnreachableError):
        echo(host="127.0.0.1", port=silent.getsockname()[1], called_ae_title="X", **us)
    with pytest.raises(PeerUnreachableError, match="cannot be reached"):
        echo(host="no-such-host.invalid", port=104, called_ae_title="X", **us)
    (tmp_path / "x").write_bytes(b"no image")
    with pytest.raises(ValueError, match="not a DICOM file"):
        store_files(
            host="127.0.0.1", port=1, called_ae_title="X", calling_ae_title="US", files=[tmp_path / "x"]
        )
