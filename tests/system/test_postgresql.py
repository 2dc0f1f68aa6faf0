"""The same platform on PostgreSQL: one variable differs."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.running_platform import running_platform
from tests.system.phantoms import phantom_file
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("postgresql"), pytest.mark.timeout(400)]


@pytest.mark.peer("postgresql")
def test_a_diagnosis_goes_through_and_connections_do_not_pile_up(postgresql_url: str, tmp_path: Path) -> None:
    with (
        running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", DATABASE_URL=postgresql_url) as platform,
        psycopg.connect(postgresql_url, autocommit=True) as database,
    ):
        path, uid = phantom_file(tmp_path)
        assert platform.store(path) == [0]

        def outcome() -> object:
            return database.execute(
                "SELECT d.status, d.attempts FROM diagnosis_diagnosis d "
                "JOIN studies_instance i ON i.id = d.instance_id "
                "WHERE i.sop_instance_uid = %s AND d.finished_at IS NOT NULL",
                [uid],
            ).fetchone()

        assert wait_for(outcome, deadline=60, what="a result") in {("completed", 1), ("rejected", 1)}
        assert not (platform.data_dir / "db.sqlite3").exists()

        for _ in range(200):
            assert platform.request("GET", "/readyz").status == 200
        (connections,) = database.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'cxr'"
        ).fetchone() or (0,)
        assert connections <= 8
