"""A model's whole life on a running platform: images, reviews, snapshot, run, promotion, return.

Two hundred phantoms arrive by C-STORE and are read through REST; a snapshot of them fine-tunes the
bundled model; the audited candidate runs in the champion's shadow, is promoted by somebody else than who
made it, and taken back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ml.contracts import Finding
from ml.phantom import phantom_dicom
from tests.running_platform import Platform, running_platform
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.training, pytest.mark.timeout(1200)]

IMAGES = 200
FINDINGS = list(Finding)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", CXR_MFA_REQUIRED="0") as platform:
        yield platform


class Person:
    """Somebody with an account and a key, who talks to the platform by REST."""

    def __init__(self, platform: Platform, name: str, role: str, *scopes: str) -> None:
        self._platform = platform
        self.email = platform.create_user(f"{name}@example.org", role)
        self._key = platform.create_api_key(self.email, *scopes)

    def get(self, path: str) -> Any:
        answer = self._platform.request("GET", f"/api/v1/{path}", key=self._key)
        assert answer.status == 200, answer.body
        return answer.json()

    def post(self, path: str, expected: int = 200, **body: object) -> Any:
        answer = self._platform.request(
            "POST",
            f"/api/v1/{path}",
            key=self._key,
            body=json.dumps(body).encode(),
            content_type="application/json",
        )
        assert answer.status == expected, answer.body
        return answer.json()


def write_phantom(folder: Path, number: int) -> Path:
    path = folder / f"{number}.dcm"
    kind = FINDINGS[number % len(FINDINGS)]
    path.write_bytes(phantom_dicom(kind, seed=number, size=(512, 512)))
    return path


def send(platform: Platform, *files: Path) -> None:
    assert platform.store(*files) == [0] * len(files)
    unfinished = "SELECT count(*) FROM diagnosis_diagnosis WHERE status IN ('queued', 'running')"
    wait_for(lambda: platform.rows(unfinished) == [(0,)], deadline=240, what="every answer", every=0.5)


def answering_version(platform: Platform, file: Path) -> int:
    uid = str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
    ((number,),) = platform.rows(
        "SELECT v.number FROM diagnosis_diagnosis d JOIN studies_instance i ON i.id = d.instance_id "
        "JOIN registry_modelversion v ON v.id = d.model_version_id "
        "WHERE i.sop_instance_uid = ? AND d.current",
        uid,
    )
    return int(number)


def review_all(platform: Platform, reader: Person, files: list[Path]) -> int:
    """Agree or correct, as the phantom is known to be; what the fitness gate refused is not reviewed."""
    truth = {
        str(dcmread(file, stop_before_pixels=True).SOPInstanceUID): FINDINGS[number % len(FINDINGS)]
        for number, file in enumerate(files)
    }
    completed = platform.rows(
        "SELECT d.id, d.label, i.sop_instance_uid FROM diagnosis_diagnosis d "
        "JOIN studies_instance i ON i.id = d.instance_id WHERE d.status = 'completed'"
    )
    for diagnosis, label, uid in completed:
        finding = truth[uid]
        said = {"verdict": "agree"} if label == finding else {"verdict": "disagree", "label": finding}
        reader.post(f"diagnoses/{diagnosis}/reviews/", 201, **said)
    return len(completed)


def consent_of_all(platform: Platform, folder: Path, files: list[Path], by: str) -> None:
    patients = sorted({str(dcmread(file, stop_before_pixels=True).PatientID) for file in files})
    table = folder / "consents.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["patient_id", "issuer_of_patient_id", "decision", "decided_on", "evidence"])
        writer.writerows([p, "CXR-PHANTOM", "granted", "2026-01-02", "drawn"] for p in patients)
    told = platform.manage("import_consents", str(table), "--by", by)
    assert told.startswith(f"{len(patients)} recorded"), told


def test_a_models_whole_life(up: Platform, tmp_path: Path) -> None:
    reader = Person(up, "reader", "radiologist", "studies:read", "reviews:write")
    scientist = Person(up, "scientist", "data_scientist", "models:train", "models:read", "models:promote")
    chief = Person(up, "chief", "administrator", "models:read", "models:promote")
    files = [write_phantom(tmp_path, number) for number in range(IMAGES)]
    send(up, *files)
    reviewed = review_all(up, reader, files)
    assert reviewed >= 0.9 * IMAGES
    consent_of_all(up, tmp_path, files, by=reader.email)

    def finished(path: str) -> dict[str, Any] | None:
        state: dict[str, Any] = scientist.get(path)
        assert state["status"] not in ("failed", "cancelled"), state
        return state if state["status"] == "completed" else None

    snapshot = scientist.post("snapshots/", 201, name="first", folds=4)
    frozen = wait_for(
        lambda: finished(f"snapshots/{snapshot['id']}/"), deadline=240, what="the snapshot", every=0.5
    )
    assert frozen is not None
    assert frozen["images"] >= 0.9 * reviewed
    asked = {"snapshot": snapshot["id"], "init": "cxr@champion", "epochs": 1, "int8": False}
    run = scientist.post("training-runs/", 201, **asked)
    done = wait_for(lambda: finished(f"training-runs/{run['id']}/"), deadline=600, what="the run", every=1.0)
    assert done is not None
    assert done["version"] == "cxr:2"
    candidate = scientist.get("models/cxr/versions/2/")
    assert candidate["lineage"]["snapshot_sha256"] == frozen["sha256"]
    assert len(candidate["audit"]["checks"]) == 12

    def shadowed_images() -> int:
        return int(chief.get("models/cxr/shadow/")["images"])

    chief.post("models/cxr/challenger/", version=2, reason="look at it first")
    send(up, shadowed := write_phantom(tmp_path, IMAGES))
    wait_for(
        lambda: chief.get("models/cxr/shadow/")["images"] == 1, deadline=60, what="the shadow", every=0.5
    )
    assert answering_version(up, shadowed) == 1, "readers see the champion's answer"

    scientist.post("models/cxr/versions/2/promote/", 403, reason="mine", override=True)
    chief.post("models/cxr/versions/2/promote/", reason="as good on our images", override=True)
    send(up, after := write_phantom(tmp_path, IMAGES + 1))
    assert answering_version(up, after) == 2
    chief.post("models/cxr/rollback/", reason="drill")
    send(up, back := write_phantom(tmp_path, IMAGES + 2))
    assert answering_version(up, back) == 1
    assert {answering_version(up, file) for file in files} == {1}, "results name the version that gave them"
    history = chief.get("models/cxr/history/")["results"]
    moved = [(row["alias"], row["to_version"]) for row in history if row["alias"] == "champion"]
    assert len(moved) == 3, moved
