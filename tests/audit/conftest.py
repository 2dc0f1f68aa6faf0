"""A log of its own for each test, and a way to do what an intruder with SQL would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from apps.audit import triggers
from apps.audit.services import event_record, events_seal


@pytest.fixture(autouse=True)
def _own_head(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def log(db: None) -> Callable[[int], None]:
    """Record and seal this many events."""

    def record(count: int) -> None:
        for number in range(count):
            event_record(
                action="viewed", actor="kim@example.org", object_id=str(number), detail={"ordinal": number}
            )
        events_seal()

    return record


@pytest.fixture
def intruder(db: None) -> Callable[[str], None]:
    """Run SQL with the triggers out of the way, as somebody who owns the database could."""

    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            for removal in triggers.REMOVAL[connection.vendor]:
                cursor.execute(removal)
            cursor.execute(statement)

    return run
