"""`up --demo` shows what it promises, with synthetic and with real radiographs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.running_platform import Platform, running_platform
from tests.waiting import wait_for

SUMMARY = re.compile(r"DEMO (\d+)/(\d+) as expected")
ROLES = {"clinician", "radiologist", "technician", "data.scientist", "administrator", "integrator"}
REAL_IMAGES = Path(__file__).resolve().parents[3] / "shared" / "data" / "dicom"

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(400)]


def summary(platform: Platform) -> re.Match[str]:
    def found() -> re.Match[str] | None:
        return next(filter(None, map(SUMMARY.search, list(platform.output))), None)

    match = wait_for(found, deadline=120, what="the demonstration's last line")
    assert match is not None
    return match


def test_every_object_has_its_expected_outcome(tmp_path: Path) -> None:
    with running_platform(tmp_path / "data", "--demo") as platform:
        match = summary(platform)
        printed = "\n".join(platform.output)
        assert match[1] == match[2], printed
        for outcome in ("known", "conflict", "quarantined", "rejected: not_frontal"):
            assert outcome in printed
        assert {name for name in ROLES if f"{name}@example.org" in printed} == ROLES
        assert platform.process.poll() is None  # it stays up


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_IMAGES.is_dir(), reason="no radiographs beside the checkout")
def test_a_folder_of_real_radiographs_is_sent_instead(tmp_path: Path) -> None:
    with running_platform(tmp_path / "data", "--demo", CXR_DEMO_IMAGES=str(REAL_IMAGES)) as platform:
        match = summary(platform)
        assert match[1] == match[2] == str(len(list(REAL_IMAGES.glob("*.dcm"))))
