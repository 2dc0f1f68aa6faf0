"""By every door to a result: what dcmtk, Orthanc, a browser's upload and `import_studies` bring."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from apps.gateway.abilities import TRANSFER_SYNTAXES
from ml.phantom import phantom_dataset, phantom_dicom, phantom_png
from tests.peers.orthanc import Orthanc
from tests.peers.program import find_program
from tests.running_platform import Platform
from tests.studies.decoding.objects import part10, recoded
from tests.studies.decoding.test_transfer_syntaxes import LOSSLESS_ENCODERS, LOSSY_ENCODERS
from tests.studies.radiographs import HOSTILE_TEXT
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("platform"), pytest.mark.timeout(400)]

SEED = 10
SIZE = (512, 512)


@pytest.fixture(scope="session")
def key(platform: Platform) -> str:
    """A key that may send and read."""
    email = platform.create_user("doors@example.org", "integrator")
    return platform.create_api_key(email, "studies:read", "studies:write")


def result_of(platform: Platform, key: str, sop_instance_uid: str) -> dict[str, Any]:
    """Wait for an image's result and read it by REST."""
    wait_for(lambda: platform.outcome(sop_instance_uid), deadline=90, what=f"a result of {sop_instance_uid}")
    instance = platform.request("GET", f"/api/v1/instances/{sop_instance_uid}/", key=key).json()
    result = platform.request("GET", f"/api/v1/diagnoses/{instance['diagnosis']['id']}/", key=key).json()
    assert isinstance(result, dict)
    return result


def upload(platform: Platform, key: str, *contents: bytes) -> Any:
    """Send files as a browser does, in one multipart request; return status and body."""
    boundary = uuid.uuid4().hex
    parts = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{number}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for number, content in enumerate(contents)
    )
    answer = platform.request(
        "POST",
        "/api/v1/studies/",
        key=key,
        body=parts + f"--{boundary}--\r\n".encode(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    return answer.status, answer.json()


def in_syntax(uid: str, file: Path) -> str:
    """Write the same synthetic chest in a transfer syntax, as an object of its own; return its UID.

    In 8 bits where the syntax has no more. Encoders give what they compress with loss another UID.
    """
    bits, encoder = LOSSY_ENCODERS.get(uid, (12, LOSSLESS_ENCODERS.get(uid)))
    ds = phantom_dataset("normal", seed=SEED, size=SIZE)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    if bits == 8:
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") >> 4).astype(np.uint8).tobytes()
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        for keyword in ("WindowCenter", "WindowWidth"):
            if keyword in ds:
                setattr(ds, keyword, float(getattr(ds, keyword)) / 16)
    if encoder is None:
        ds.file_meta.TransferSyntaxUID = UID(uid)
    data = part10(ds) if encoder is None else recoded(part10(ds), encoder, file.parent)
    file.write_bytes(data)
    return str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)


@pytest.mark.peer("dcmtk")
def test_every_transfer_syntax_that_storescu_sends_becomes_the_same_result(
    platform: Platform, key: str, tmp_path: Path
) -> None:
    sent: dict[str, str] = {}
    for number, uid in enumerate(TRANSFER_SYNTAXES):
        folder = tmp_path / str(number)
        folder.mkdir()
        sent[uid] = in_syntax(uid, folder / "object.dcm")
        configuration = folder / "storescu.cfg"
        configuration.write_text(
            f"[[TransferSyntaxes]]\n[SYNTAX]\nTransferSyntax1 = {uid}\n"
            "[[PresentationContexts]]\n[CONTEXT]\n"
            "PresentationContext1 = 1.2.840.10008.5.1.4.1.1.1.1\\SYNTAX\n"
            "[[Profiles]]\n[ONE]\nPresentationContexts = CONTEXT\n"
        )
        storescu = find_program("storescu", package="dcmtk")
        peer = ["-aec", platform.ae_title, platform.dicom_host, str(platform.dicom_port)]
        done = subprocess.run(
            [storescu, "-v", "-xf", str(configuration), "ONE", *peer, str(folder / "object.dcm")],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Received Store Response (Success)" in done.stdout + done.stderr, uid

    results = {uid: result_of(platform, key, instance) for uid, instance in sent.items()}

    assert {result["status"] for result in results.values()} == {"completed"}
    lossless = [*LOSSLESS_ENCODERS, ImplicitVRLittleEndian, ExplicitVRLittleEndian]
    expected = results[ExplicitVRLittleEndian]["probabilities"]
    assert [results[str(uid)]["probabilities"] for uid in lossless] == [expected] * len(lossless)


@pytest.mark.peer("orthanc")
def test_a_study_that_orthanc_forwards_becomes_results(
    platform: Platform, key: str, orthanc: Orthanc
) -> None:
    views = [phantom_dataset("covid19", seed=SEED + n, size=SIZE, patient=77) for n in range(2)]
    kept = [orthanc.store(part10(ds)) for ds in views]
    orthanc.add_modality("platform", ae_title=platform.ae_title, port=platform.dicom_port)

    answer = orthanc.forward("platform", *(entry["ID"] for entry in kept))

    assert answer["FailedInstancesCount"] == 0
    for ds in views:
        assert result_of(platform, key, str(ds.SOPInstanceUID))["status"] == "completed"


def test_import_studies_brings_results(platform: Platform, key: str, tmp_path: Path) -> None:
    ds = phantom_dataset("normal", seed=4001, size=SIZE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "chest").write_bytes(part10(ds))

    platform.manage("import_studies", str(tmp_path))

    assert result_of(platform, key, str(ds.SOPInstanceUID))["status"] == "completed"


def hostile_text() -> bytes:
    """A sound image whose every text is an attack."""
    ds = phantom_dataset("normal", seed=4100, size=SIZE)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = ds.StudyDescription = ds.InstitutionName = HOSTILE_TEXT[:60]
    return part10(ds)


HOSTILE = {
    "empty": b"",
    "random": np.random.default_rng(1).bytes(20_000),
    "truncated header": phantom_dicom("normal", seed=4200, size=SIZE)[:300],
    "truncated pixels": phantom_dicom("normal", seed=4201, size=SIZE)[:-100_000],
    "half a PNG": phantom_png("normal", seed=4202, size=SIZE)[:5_000],
    "html": b"<html><script>alert(1)</script></html>",
}


def test_hostile_uploads_are_refused_and_the_next_good_image_has_its_result(
    platform: Platform, key: str
) -> None:
    listener, web = platform.child("listener"), platform.child("web")
    for family, content in HOSTILE.items():
        status, body = upload(platform, key, content)
        if status == 201:  # sound as a file, so that only decoding can tell
            refused = result_of(platform, key, body["instances"][0]["sop_instance_uid"])
            assert refused["status"] == "rejected", family
            assert [rejection["code"] for rejection in refused["rejections"]] == ["unreadable"], family
        else:
            assert status == 400, family
            assert body["errors"][0]["detail"], family

    status, body = upload(platform, key, phantom_png("covid19", seed=4300, size=SIZE), hostile_text())

    assert status == 201, body
    for entry in body["instances"]:
        assert result_of(platform, key, entry["sop_instance_uid"])["status"] == "completed"
    assert (platform.child("listener"), platform.child("web")) == (listener, web)


def test_a_wrong_object_is_rejected_by_its_type(platform: Platform, key: str) -> None:
    ds = phantom_dataset("normal", seed=4400, size=SIZE)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
    ds.Modality = "CT"

    status, body = upload(platform, key, part10(ds))

    assert status == 201
    rejected = result_of(platform, key, body["instances"][0]["sop_instance_uid"])
    assert rejected["status"] == "rejected"
    assert "unsupported_object" in {rejection["code"] for rejection in rejected["rejections"]}
    assert rejected["label"] is None
