"""Eight workers race for the same rows: each is claimed once and finished once, on every database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_platform import ROOT, clean_environment

STUDIES = 10
"""As many as `race.py` makes."""


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))]
)
def test_each_diagnosis_is_claimed_and_finished_once(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    address = {"DATABASE_URL": request.getfixturevalue("postgresql_url")} if database == "postgresql" else {}

    answer = subprocess.run(
        [sys.executable, "-m", "tests.diagnosis.race"],
        cwd=ROOT,
        env=clean_environment(tmp_path, DJANGO_SETTINGS_MODULE="cxrplatform.settings.base", **address),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    count = 2 * STUDIES
    assert json.loads(answer.stdout.splitlines()[-1]) == {
        "claims": [1] * count,
        "finishes": [1] * count,
        "attempts": [1] * count,
        "worklist": [["completed", "covid19"]] * STUDIES,
    }
