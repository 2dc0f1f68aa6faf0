"""Numbers and chains what was recorded since the last time."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.audit.chain import GENESIS, chain_key, seal_of
from apps.audit.head import EMPTY, Head, head_advance, head_read
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, PermanentError

BATCH = 500
"""Events sealed in one transaction, so that SQLite's one writer never waits long for the sealer."""


class BrokenChainError(PermanentError):
    """The log's end is not where the head says: nothing may be sealed over the place of the break."""


def events_seal() -> int:
    """Seal every event that is committed and not yet sealed; returns how many.

    Safe to run twice at once: an event is claimed by a conditional UPDATE, sequence numbers are
    unique, and the loser's whole batch is undone. Raises `BrokenChainError` when the log no longer
    fits the head outside the database; `verify_audit_log` says where and what to do.
    """
    sealed = 0
    while count := _batch_seal():
        sealed += count
    return sealed


def _batch_seal() -> int:
    if not AuditEvent.objects.filter(sequence=None).exists():
        return 0
    end = _end_check()
    try:
        with transaction.atomic():
            head, count = _events_chain(end)
    except (ConflictError, IntegrityError):
        return 0  # another sealer was faster: it has these events, or the next run has
    head_advance(head)
    return count


def _end_check() -> Head:
    """Return the log's end in the database once it is seen to continue from the head."""
    last = AuditEvent.objects.exclude(sequence=None).order_by("-sequence").first()
    end = Head(last.sequence or 0, last.seal) if last else EMPTY
    head = head_read()
    if head is None and end == EMPTY:
        head_advance(EMPTY)  # from now on a missing head means that somebody removed it
        return end
    known = _seal_at(head.sequence) if head else None
    if head is None or known != head.seal:
        raise BrokenChainError(
            "The audit log does not continue from its head outside the database; nothing more is sealed. "
            "Run verify_audit_log."
        )
    return end


def _seal_at(sequence: int) -> str | None:
    if sequence == 0:
        return GENESIS
    return AuditEvent.objects.filter(sequence=sequence).values_list("seal", flat=True).first()


def _events_chain(end: Head) -> tuple[Head, int]:
    key = chain_key()
    events = list(AuditEvent.objects.filter(sequence=None).order_by("pk")[:BATCH])
    for event in events:
        event.sequence, event.previous_seal = end.sequence + 1, end.seal
        event.seal = seal_of(event, key=key)
        claimed = AuditEvent.objects.filter(pk=event.pk, sequence=None).update(
            sequence=event.sequence, previous_seal=event.previous_seal, seal=event.seal
        )
        if claimed != 1:
            raise ConflictError("Another sealer has this event.")
        end = Head(event.sequence, event.seal)
    return end, len(events)
