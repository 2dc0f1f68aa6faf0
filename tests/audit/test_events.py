"""What may be recorded, and what never is."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.audit.models import AuditEvent
from apps.audit.services import event_record


def test_an_event_keeps_what_it_was_told(db: None) -> None:
    made = event_record(
        action="viewed",
        actor="kim@example.org",
        actor_role="clinician",
        source="192.0.2.1",
        object_type="study",
        object_id="1.2.3",
        detail={"views": 2},
    )
    event = AuditEvent.objects.get(pk=made.pk)
    assert (event.action, event.outcome, event.actor, event.actor_role) == (
        "viewed",
        "success",
        "kim@example.org",
        "clinician",
    )
    assert (event.source, event.object_type, event.object_id) == ("192.0.2.1", "study", "1.2.3")
    assert event.detail == {"views": 2}
    assert event.at.tzinfo is not None
    assert (event.sequence, event.seal) == (None, "")


@pytest.mark.parametrize("key", ["patient_id", "patient_name", "accession_number", "password", "key"])
def test_identities_and_secrets_are_refused(db: None, key: str) -> None:
    with pytest.raises(ValueError, match=key):
        event_record(action="viewed", actor="kim", detail={key: "x"})
    assert not AuditEvent.objects.exists()


def test_an_unknown_outcome_is_refused(db: None) -> None:
    with pytest.raises(ValueError, match="success, failure"):
        event_record(action="viewed", actor="kim", outcome="maybe")


def test_hostile_text_is_cut_and_made_visible(db: None) -> None:
    event_record(
        action="viewed",
        actor="kim\r\n\x00\u202e" + "x" * 5000,
        object_id="1" * 500,
        detail={"why": ["a\x00b"]},
    )
    event = AuditEvent.objects.get()
    assert event.actor.startswith(r"kim\u000d\u000a\u0000\u202ex")
    assert (len(event.actor), len(event.object_id)) == (200, 100)
    assert event.detail == {"why": [r"a\u0000b"]}


def test_an_event_goes_with_the_transaction_that_it_tells_of(db: None) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        event_record(action="received", actor="PACS")
        raise ZeroDivisionError
    assert not AuditEvent.objects.exists()
