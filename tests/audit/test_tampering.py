"""Edit, delete, reorder, truncate: each is found, at the right row, every time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.audit.chain import audit_folder
from apps.audit.models import AuditEvent
from apps.audit.services import chain_verify, event_record, events_seal

COLUMNS = {
    "at": "'2001-01-01 00:00:00+00:00'",
    "action": "'nothing'",
    "outcome": "'failure'",
    "actor": "'somebody@else.org'",
    "actor_role": "'administrator'",
    "source": "'198.51.100.1'",
    "object_type": "'patient'",
    "object_id": "'99'",
    "detail": "'{\"ordinal\": 99}'",
    "previous_seal": f"'{'f' * 64}'",
    "seal": f"'{'f' * 64}'",
    "id": "9999",
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("sequence", [1, 4, 8])
def test_an_edited_row_is_found(
    log: Callable[[int], None], intruder: Callable[[str], None], column: str, sequence: int
) -> None:
    log(8)
    intruder(f"UPDATE audit_auditevent SET {column} = {COLUMNS[column]} WHERE sequence = {sequence}")
    assert chain_verify().broken_at == sequence


@pytest.mark.parametrize("sequence", range(1, 9))
def test_a_deleted_row_is_found(
    log: Callable[[int], None], intruder: Callable[[str], None], sequence: int
) -> None:
    log(8)
    intruder(f"DELETE FROM audit_auditevent WHERE sequence = {sequence}")
    assert chain_verify().broken_at == sequence


@pytest.mark.parametrize("sequence", range(1, 9))
def test_a_deleted_row_is_found_when_the_rest_moves_up(
    log: Callable[[int], None], intruder: Callable[[str], None], sequence: int
) -> None:
    log(8)
    intruder(f"DELETE FROM audit_auditevent WHERE sequence = {sequence}")
    for later in range(sequence + 1, 9):
        intruder(f"UPDATE audit_auditevent SET sequence = {later - 1} WHERE sequence = {later}")
    assert chain_verify().broken_at == sequence


@pytest.mark.parametrize(("one", "other"), [(1, 2), (3, 7), (7, 8)])
def test_reordered_rows_are_found(
    log: Callable[[int], None], intruder: Callable[[str], None], one: int, other: int
) -> None:
    log(8)
    intruder(f"UPDATE audit_auditevent SET sequence = 100 WHERE sequence = {one}")
    intruder(f"UPDATE audit_auditevent SET sequence = {one} WHERE sequence = {other}")
    intruder(f"UPDATE audit_auditevent SET sequence = {other} WHERE sequence = 100")
    assert chain_verify().broken_at == one


@pytest.mark.parametrize("kept", range(8))
def test_a_cut_off_end_is_found(
    log: Callable[[int], None], intruder: Callable[[str], None], kept: int
) -> None:
    log(8)
    intruder(f"DELETE FROM audit_auditevent WHERE sequence > {kept}")
    found = chain_verify()
    assert found.broken_at == kept + 1
    assert "its end is missing" in found.problem


def test_a_cut_off_end_is_found_when_the_head_is_gone_too(
    log: Callable[[int], None], intruder: Callable[[str], None]
) -> None:
    log(8)
    intruder("DELETE FROM audit_auditevent WHERE sequence > 5")
    (audit_folder() / "head.json").unlink()
    found = chain_verify()
    assert found.broken_at == 6
    assert "head outside the database is missing" in found.problem


def test_rows_that_were_unsealed_and_edited_are_found_after_the_sealer_ran(
    log: Callable[[int], None], intruder: Callable[[str], None]
) -> None:
    log(8)
    intruder(
        "UPDATE audit_auditevent SET sequence = NULL, seal = '', previous_seal = '', actor = 'x'"
        " WHERE sequence = 8"
    )
    assert chain_verify().broken_at == 8


def test_an_inserted_row_is_found(log: Callable[[int], None], intruder: Callable[[str], None]) -> None:
    log(3)
    intruder(
        "INSERT INTO audit_auditevent (at, action, outcome, actor, actor_role, source, object_type,"
        " object_id, detail, sequence, previous_seal, seal)"
        " SELECT at, action, outcome, actor, actor_role, source, object_type,"
        " object_id, detail, 4, seal, seal FROM audit_auditevent WHERE sequence = 3"
    )
    assert chain_verify().broken_at == 4


def test_a_log_rewritten_with_another_key_is_found(
    log: Callable[[int], None], intruder: Callable[[str], None]
) -> None:
    log(3)
    intruder("UPDATE audit_auditevent SET actor = 'x', sequence = NULL, seal = '', previous_seal = ''")
    for name in ("key", "head.json"):
        (audit_folder() / name).rename(audit_folder() / f"{name}.kept")
    events_seal()
    for name in ("key", "head.json"):
        (audit_folder() / f"{name}.kept").replace(audit_folder() / name)
    assert chain_verify().broken_at == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor = 'x' WHERE sequence = 2",
        "UPDATE audit_auditevent SET sequence = NULL",
        "DELETE FROM audit_auditevent WHERE sequence = 2",
        "DELETE FROM audit_auditevent",
    ],
)
def test_the_database_itself_refuses(log: Callable[[int], None], statement: str) -> None:
    log(3)
    with pytest.raises(DatabaseError, match="sealed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(DatabaseError, match="sealed"), transaction.atomic():
        AuditEvent.objects.filter(sequence=2).update(actor="x")
    assert chain_verify().holds


def test_the_command_says_where(
    log: Callable[[int], None], intruder: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    log(4)
    event_record(action="viewed", actor="kim")
    call_command("verify_audit_log")
    assert capsys.readouterr().out == "The audit log holds: 4 sealed events, 1 not sealed yet.\n"

    intruder("UPDATE audit_auditevent SET actor = 'x' WHERE sequence = 3")
    with pytest.raises(CommandError, match="Broken at event 3"):
        call_command("verify_audit_log")


def test_a_restored_backup_is_accepted_on_purpose_and_on_record(
    log: Callable[[int], None], intruder: Callable[[str], None]
) -> None:
    log(6)
    intruder("DELETE FROM audit_auditevent WHERE sequence > 4")
    with pytest.raises(CommandError, match="its end is missing"):
        call_command("verify_audit_log")

    call_command("verify_audit_log", "--accept-head", "restored last night's backup")
    events_seal()
    assert chain_verify().holds
    accepted = AuditEvent.objects.get(action="audit_head_accepted")
    assert accepted.detail == {"reason": "restored last night's backup", "before": 6, "after": 4}


def test_an_edited_row_is_never_accepted(log: Callable[[int], None], intruder: Callable[[str], None]) -> None:
    log(4)
    intruder("UPDATE audit_auditevent SET actor = 'x' WHERE sequence = 3")
    with pytest.raises(CommandError, match="broken at 3"):
        call_command("verify_audit_log", "--accept-head", "please")
    assert not chain_verify().holds
