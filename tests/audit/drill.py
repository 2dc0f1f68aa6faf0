"""Run on a database of its own: seal from several connections at once, then tamper as an intruder would.

Prints one JSON object. A program and not a test, because only a process of its own gets another
`DATABASE_URL`, and only a real file or server shows what several connections do to each other.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import DatabaseError, connection, transaction  # noqa: E402 - Django first

from apps.audit import triggers  # noqa: E402 - Django first
from apps.audit.models import AuditEvent  # noqa: E402 - Django first
from apps.audit.services import chain_verify, event_record, events_seal  # noqa: E402 - Django first

EVENTS = 60
TAMPERING = {
    "edit": ["UPDATE audit_auditevent SET actor = 'x' WHERE sequence = 30"],
    "delete": ["DELETE FROM audit_auditevent WHERE sequence = 30"],
    "reorder": [
        "UPDATE audit_auditevent SET sequence = 1000 WHERE sequence = 30",
        "UPDATE audit_auditevent SET sequence = 30 WHERE sequence = 40",
        "UPDATE audit_auditevent SET sequence = 40 WHERE sequence = 1000",
    ],
    "truncate": ["DELETE FROM audit_auditevent WHERE sequence >= 30"],
}


def seal_at_once(sealers: int) -> list[str]:
    """Seal from this many connections at the same moment; return what went wrong."""
    failures: list[str] = []
    start = threading.Barrier(sealers)

    def run() -> None:
        try:
            start.wait()
            events_seal()
        except Exception as error:  # noqa: BLE001 - reported
            failures.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(sealers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events_seal()
    return failures


def execute(*statements: str) -> None:
    """Run SQL."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def refused(statement: str) -> bool:
    """Say whether the database refuses a statement."""
    try:
        with transaction.atomic():
            execute(statement)
    except DatabaseError as error:
        return "sealed" in str(error)
    return False


def broken_after(*statements: str) -> int | None:
    """Tamper, verify, undo; return the first broken row."""

    def tamper_and_verify() -> int | None:
        with transaction.atomic():
            execute(*triggers.REMOVAL[connection.vendor], *statements)
            found = chain_verify().broken_at
            transaction.set_rollback(True)
        return found

    return tamper_and_verify()


def main() -> None:
    """Do the drill."""
    call_command("migrate", verbosity=0)
    for number in range(EVENTS):
        event_record(
            action="viewed", actor="kim", object_id=str(number), detail={"ordinal": number, "p": 0.1}
        )
    statements = ["UPDATE audit_auditevent SET actor = 'x'", "DELETE FROM audit_auditevent"]
    if connection.vendor == "postgresql":
        statements.append("TRUNCATE audit_auditevent")
    report: dict[str, Any] = {
        "vendor": connection.vendor,
        "failures": seal_at_once(4),
        "sequences": sorted(AuditEvent.objects.values_list("sequence", flat=True)),
        "holds": chain_verify().holds,
        "refused": [refused(statement) for statement in statements],
        "broken_at": {name: broken_after(*statements) for name, statements in TAMPERING.items()},
        "holds_after": chain_verify().holds,
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
