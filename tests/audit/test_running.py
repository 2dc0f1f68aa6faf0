"""The running platform seals its log by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.running_platform import Platform
from tests.waiting import wait_for


def test_events_are_sealed_within_seconds(platform: Platform) -> None:
    platform.create_user("audit@example.org", "clinician")

    def all_sealed() -> bool:
        with closing(sqlite3.connect(platform.data_dir / "db.sqlite3")) as database:
            query = "SELECT count(*), count(sequence) FROM audit_auditevent"
            recorded, sealed = database.execute(query).fetchone()
        return bool(recorded == sealed > 0)

    wait_for(all_sealed, deadline=20, what="the sealer")
    assert "The audit log holds" in platform.manage("verify_audit_log")


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/"])
def test_the_entrance_is_open_and_the_rest_is_not(platform: Platform, address: str) -> None:
    assert platform.request("GET", address).status == 200
    assert b'name="login"' in platform.request("GET", "/").body  # urllib follows to the sign-in page
