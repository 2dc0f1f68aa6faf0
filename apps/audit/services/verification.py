"""Reads the whole chain again and says whether it holds."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from django.db import transaction

from apps.audit.chain import GENESIS, chain_key, seal_of
from apps.audit.head import EMPTY, Head, head_read, head_set
from apps.audit.models import AuditEvent
from apps.audit.services.events import event_record
from apps.core.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: `broken_at` is the sequence number of the first bad place, or None.

    `chain_intact` stays true when the rows fit each other and only the head does not fit them.
    """

    events: int
    unsealed: int
    broken_at: int | None = None
    problem: str = ""
    chain_intact: bool = True

    @property
    def holds(self) -> bool:
        """Whether chain and head are as they were written."""
        return self.broken_at is None


def chain_verify() -> Verification:
    """Recompute every seal in order and compare the end with the head outside the database.

    Stops at the first break: a row that was edited, removed, moved or put in, or a missing end.
    """
    head = head_read()  # before the rows: the sealer may add some, and the head only ever follows them
    unsealed = AuditEvent.objects.filter(sequence=None).count()
    key, end, at_head = chain_key(), EMPTY, head is not None and head.sequence == 0
    for event in AuditEvent.objects.exclude(sequence=None).order_by("sequence").iterator(chunk_size=1000):
        expected = end.sequence + 1
        if problem := _problem_of(event, expected, end.seal, key):
            return Verification(end.sequence, unsealed, expected, problem, chain_intact=False)
        end = Head(expected, event.seal)
        if head is not None and head.sequence == expected:
            at_head = hmac.compare_digest(head.seal, event.seal)
    if at_head or (head is None and end == EMPTY):
        return Verification(end.sequence, unsealed)
    return _head_problem(head, end, unsealed)


@transaction.atomic
def head_accept(*, by: str, reason: str) -> Verification:
    """Take the database's own end as the head from now on, as after restoring a backup; recorded as an event.

    Raises `PermanentError` when the chain itself is broken: nothing makes that good.
    """
    found = chain_verify()
    if not found.chain_intact:
        raise PermanentError(f"The chain is broken at {found.broken_at}: {found.problem}")
    last = AuditEvent.objects.exclude(sequence=None).order_by("-sequence").first()
    before, end = head_read(), Head(last.sequence or 0, last.seal) if last else Head(0, GENESIS)
    event_record(
        action="audit_head_accepted",
        actor=by,
        object_type="audit_log",
        object_id=str(end.sequence),
        detail={"reason": reason, "before": before.sequence if before else None, "after": end.sequence},
    )
    head_set(end)
    return found


def _problem_of(event: AuditEvent, expected: int, previous_seal: str, key: bytes) -> str:
    if event.sequence != expected:
        return f"events {expected} to {(event.sequence or 0) - 1} are missing."
    if event.previous_seal != previous_seal:
        return "this event does not follow the one before it: rows were moved or replaced."
    if not hmac.compare_digest(seal_of(event, key=key), event.seal):
        return "this event is not what was sealed: it was edited, or the key is another one."
    return ""


def _head_problem(head: Head | None, end: Head, unsealed: int) -> Verification:
    if head is None:
        problem = "the head outside the database is missing; whether the end was cut off cannot be told."
    elif end.sequence < head.sequence:
        problem = f"the log ends at {end.sequence}, but was sealed up to {head.sequence}: its end is missing."
    else:
        problem = "the seal is another one than the head outside the database says: the log was replaced."
    broken_at = end.sequence + 1 if head is None or end.sequence < head.sequence else head.sequence
    return Verification(end.sequence, unsealed, broken_at, problem)
