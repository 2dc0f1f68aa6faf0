"""Champion switches, and goes back, while images arrive at five a second: none lost, none failed."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from apps.registry.archive import Origin, archive_write
from apps.registry.engine import folder_check
from ml.contracts import Finding
from ml.model_folder import read_spec, write_spec
from ml.phantom import phantom_dicom
from tests.running_platform import ROOT, Platform, running_platform
from tests.waiting import wait_for

EVERY = 0.2
"""Seconds between two images."""
BEFORE, BETWEEN, AFTER = 10, 15, 10
"""Images before the promotion, between it and the roll-back, and after that."""


def another_version(folder: Path) -> Path:
    """Make an archive of the bundled weights under another card, and so another digest."""
    shutil.copytree(ROOT / "ml" / "pretrained" / "cxr", folder)
    (folder / "card.md").write_text("# The same, called otherwise\n")
    write_spec(folder, read_spec(folder))
    checked = folder_check(folder)
    archive = folder.with_suffix(".zip")
    with archive.open("xb") as target:
        archive_write(checked, Origin("cxr", 1, checked.sha256, {}), target)
    return archive


class Sender(threading.Thread):
    """Sends its files one after the other, five a second, and keeps what it was answered."""

    def __init__(self, platform: Platform, files: list[Path]) -> None:
        super().__init__(name="sender")
        self._platform, self._files = platform, files
        self._pace = threading.Event()
        self.statuses: list[int] = []

    def run(self) -> None:
        """Send all."""
        for file in self._files:
            self.statuses += self._platform.store(file)
            self._pace.wait(EVERY)

    def has_sent(self, count: int) -> bool:
        """Say whether so many were answered."""
        return len(self.statuses) >= count


def move(platform: Platform, key: str, path: str, **body: object) -> dict[str, Any]:
    """Move an alias by REST."""
    answer = platform.request(
        "POST",
        f"/api/v1/models/cxr/{path}/",
        key=key,
        body=json.dumps({"reason": "drill", **body}).encode(),
        content_type="application/json",
    )
    assert answer.status == 200, answer.body
    return dict(answer.json())


@pytest.mark.timeout(400)
def test_no_image_is_lost_and_each_names_the_version_that_answered(tmp_path: Path) -> None:
    images, kinds = tmp_path / "images", list(Finding)
    images.mkdir()
    files = [images / f"{seed}.dcm" for seed in range(BEFORE + BETWEEN + AFTER)]
    for seed, file in enumerate(files):
        file.write_bytes(phantom_dicom(kinds[seed % len(kinds)], seed=seed, size=(512, 512)))
    archive = another_version(tmp_path / "another")
    with running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", CXR_MFA_REQUIRED="0") as platform:
        platform.create_user("ds@example.org", "data_scientist")
        platform.create_user("admin@example.org", "administrator")
        key = platform.create_api_key("admin@example.org", "models:read", "models:promote")
        assert platform.manage("import_model", str(archive), "--by", "ds@example.org").strip() == "cxr:2"
        move(platform, key, "challenger", version=2)
        sender = Sender(platform, files)
        sender.start()

        wait_for(lambda: sender.has_sent(BEFORE), deadline=60, what="the first images")
        promoted = move(platform, key, "versions/2/promote", override=True)["at"]
        wait_for(lambda: sender.has_sent(BEFORE + BETWEEN), deadline=60, what="those between")
        returned = move(platform, key, "rollback")["at"]
        sender.join()
        unfinished = "SELECT count(*) FROM diagnosis_diagnosis WHERE status IN ('queued', 'running')"
        wait_for(lambda: platform.rows(unfinished) == [(0,)], deadline=60, what="every image's answer")

        assert sender.statuses == [0] * len(files)
        rows = platform.rows(
            "SELECT d.status, d.attempts, v.number, d.started_at FROM diagnosis_diagnosis d "
            "JOIN registry_modelversion v ON v.id = d.model_version_id"
        )
        assert len(rows) == len(files)
        assert {(status, attempts) for status, attempts, *_ in rows} == {("completed", 1)}
        for _, _, number, started in rows:
            between = promoted[:26] < started.replace(" ", "T") < returned[:26]
            assert number == (2 if between else 1), started
        assert {number for _, _, number, _ in rows} == {1, 2}
        failures = platform.rows("SELECT count(*) FROM diagnosis_loadfailure")
        assert failures == [(0,)]
