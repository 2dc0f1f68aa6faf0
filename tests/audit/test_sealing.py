"""The sealer: everything once, in order, however often and wherever it runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from apps.audit.apps import SEAL_SECONDS
from apps.audit.chain import audit_folder
from apps.audit.head import Head, head_advance, head_read
from apps.audit.models import AuditEvent
from apps.audit.selectors import unsealed_age_seconds
from apps.audit.services import BrokenChainError, chain_verify, event_record, events_seal
from apps.audit.services.sealing import BATCH
from apps.audit.tasks import seal_events
from apps.core.registries import periodic_tasks


def test_events_are_numbered_and_chained_in_order(log: Callable[[int], None]) -> None:
    log(3)
    log(2)

    events = list(AuditEvent.objects.order_by("pk"))
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert events[0].previous_seal == "0" * 64
    for before, after in itertools.pairwise(events):
        assert after.previous_seal == before.seal
    assert head_read() == Head(5, events[-1].seal)
    assert chain_verify().holds


def test_nothing_to_seal_is_nothing_done(db: None) -> None:
    assert events_seal() == 0
    assert chain_verify().events == 0
    assert chain_verify().holds


def test_more_than_a_batch_is_sealed_in_one_go(db: None) -> None:
    AuditEvent.objects.bulk_create(AuditEvent(action="received", actor="PACS") for _ in range(BATCH + 7))
    assert events_seal() == BATCH + 7
    assert chain_verify().holds


def test_the_task_runs_within_five_seconds_and_shows_when_it_does_not(log: Callable[[int], None]) -> None:
    entry = next(entry for entry in periodic_tasks if entry.task_name == "audit.seal_events")
    assert entry.seconds == SEAL_SECONDS <= 5

    event_record(action="viewed", actor="kim")
    assert unsealed_age_seconds() >= 0
    seal_events()
    assert unsealed_age_seconds() == 0
    assert chain_verify().events == 1


def test_a_sealer_that_died_before_writing_the_head_is_caught_up(log: Callable[[int], None]) -> None:
    log(2)
    behind = head_read()
    log(2)
    assert behind is not None
    (audit_folder() / "head.json").write_text(f'{{"sequence": 2, "seal": "{behind.seal}"}}')

    assert chain_verify().holds
    log(1)
    head = head_read()
    assert head is not None
    assert head.sequence == 5


def test_the_head_never_moves_back(log: Callable[[int], None]) -> None:
    log(3)
    head_advance(Head(2, "0" * 64))
    head = head_read()
    assert head is not None
    assert head.sequence == 3


def test_nothing_is_sealed_over_a_break(
    log: Callable[[int], None], intruder: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    log(5)
    intruder("DELETE FROM audit_auditevent WHERE sequence > 3")
    event_record(action="viewed", actor="kim")

    with pytest.raises(BrokenChainError, match="verify_audit_log"):
        events_seal()
    seal_events()
    assert "verify_audit_log" in caplog.text
    assert AuditEvent.objects.filter(sequence=None).count() == 1
    assert chain_verify().broken_at == 4
