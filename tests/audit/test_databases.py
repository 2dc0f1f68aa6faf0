"""The same promises on each database, with several connections at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.audit import drill
from tests.running_platform import ROOT, clean_environment


def run_drill(data_dir: Path, database_url: str) -> dict[str, Any]:
    """Run `drill.py` on a database and return its report."""
    environment = clean_environment(
        data_dir,
        DATABASE_URL=database_url,
        DJANGO_SETTINGS_MODULE="cxrplatform.settings.base",
        PYTHONPATH=str(ROOT),
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests/audit/drill.py")],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def assert_kept(report: dict[str, Any], vendor: str) -> None:
    """Hold a report against the promises."""
    assert report["vendor"] == vendor
    assert report["failures"] == []
    assert report["sequences"] == list(range(1, drill.EVENTS + 1))
    assert report["holds"]
    assert all(report["refused"])
    assert report["broken_at"] == {"edit": 30, "delete": 30, "reorder": 30, "truncate": 30}
    assert report["holds_after"]


def test_sqlite(tmp_path: Path) -> None:
    assert_kept(run_drill(tmp_path, ""), "sqlite")


@pytest.mark.peer("postgresql")
def test_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as session:  # others use the server's first one
        session.execute("CREATE DATABASE audit_drill")
    url = urlsplit(postgresql_url)._replace(path="/audit_drill").geturl()
    assert_kept(run_drill(tmp_path, url), "postgresql")
