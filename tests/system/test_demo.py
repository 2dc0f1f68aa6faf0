"""`up --demo` shows what it promises, with synthetic and with real radiographs."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import shutil
from pathlib import Path

import pytest

from apps.studies.identifiers import derived_uid
from ml.contracts import Finding
from tests.running_platform import ROOT, Platform, running_platform
from tests.waiting import wait_for

SUMMARY = re.compile(r"DEMO (\d+)/(\d+) as expected")
ROLES = {"clinician", "radiologist", "technician", "data.scientist", "administrator", "integrator"}
DATA = ROOT.parent / "shared" / "data"
MANIFEST = DATA / "cxr" / "manifest.csv"
CARD = ROOT / "ml" / "pretrained" / "cxr" / "evaluation.json"
SAMPLE = 120

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(400)]


def summary(platform: Platform) -> re.Match[str]:
    def found() -> re.Match[str] | None:
        return next(filter(None, map(SUMMARY.search, list(platform.output))), None)

    match = wait_for(found, deadline=240, what="the demonstration's last line")
    assert match is not None
    return match


def test_every_object_has_its_expected_outcome(tmp_path: Path) -> None:
    with running_platform(tmp_path / "data", "--demo") as platform:
        match = summary(platform)
        printed = "\n".join(platform.output)
        assert match[1] == match[2], printed
        for outcome in (*Finding, "known", "conflict", "quarantined", "rejected: not_frontal"):
            assert f" {outcome} " in printed
        assert {name for name in ROLES if f"{name}@example.org" in printed} == ROLES
        assert platform.process.poll() is None  # it stays up


@pytest.mark.real_data
@pytest.mark.skipif(not MANIFEST.is_file(), reason="no radiographs beside the checkout")
def test_real_radiographs_agree_with_the_manifest_as_often_as_the_card_says(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    with MANIFEST.open(newline="") as file:
        unseen = [row for row in csv.DictReader(file) if row["fold"] == "0" and row["label"] in set(Finding)]
    sample = unseen[:: len(unseen) // SAMPLE]
    labels = {}
    for row in sample:
        path = MANIFEST.parent / row["file"]
        shutil.copy(path, images)
        labels[derived_uid(hashlib.sha256(path.read_bytes()).hexdigest(), "instance")] = row["label"]
    dicom = list((DATA / "dicom").glob("*.dcm"))
    for path in dicom:
        shutil.copy(path, images)

    with running_platform(tmp_path / "data", "--demo", CXR_DEMO_IMAGES=str(images)) as platform:
        match = summary(platform)
        assert match[1] == match[2] == str(len(sample) + len(dicom)), "Every one gets a result."
        likeliest = platform.rows(
            "SELECT i.sop_instance_uid, f.label, MAX(f.probability) FROM diagnosis_finding f "
            "JOIN diagnosis_diagnosis d ON d.id = f.diagnosis_id "
            "JOIN studies_instance i ON i.id = d.instance_id "
            "WHERE d.status = 'completed' GROUP BY d.id"
        )
    judged = [label == labels[uid] for uid, label, _ in likeliest if uid in labels]
    assert len(judged) >= 0.85 * len(sample), "Few chest radiographs may be refused."
    accuracy = float(json.loads(CARD.read_text())["accuracy"])
    allowed = 4 * math.sqrt(accuracy * (1 - accuracy) / len(judged))
    assert sum(judged) / len(judged) == pytest.approx(accuracy, abs=allowed)
