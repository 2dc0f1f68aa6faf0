"""Recording one event."""

from __future__ import annotations

from typing import Any

from apps.audit.models import AuditEvent
from apps.core.logs import plain_text

IDENTIFYING_KEYS = frozenset(
    {
        "patient_id",
        "patient_name",
        "patient_birth_date",
        "birth_date",
        "accession_number",
        "mrn",
        "name",
        "password",
        "key",
    }
)
"""Never in an event's detail: the log outlives the data, and is read by people who may not see it."""

_LENGTHS = {field.name: field.max_length for field in AuditEvent._meta.concrete_fields}


def event_record(
    *,
    action: str,
    actor: str,
    actor_role: str = "",
    source: str = "",
    object_type: str = "",
    object_id: str = "",
    outcome: str = "success",
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Insert one unsealed event in the caller's transaction: it stays or goes with what it tells of.

    `source` is a network address or an AE title, `object_id` an internal id or a UID. Text is cut to
    its column and stripped of control characters. Raises `ValueError` on an outcome other than
    `success` or `failure`, and on a detail that would carry an identity or a secret.
    """
    if outcome not in AuditEvent.Outcome.values:
        raise ValueError(f"outcome={outcome!r}: expected one of {', '.join(AuditEvent.Outcome.values)}.")
    detail = detail or {}
    if identifying := IDENTIFYING_KEYS & detail.keys():
        raise ValueError(f"An audit event must not hold {', '.join(sorted(identifying))}: use internal ids.")
    texts = {
        "action": action,
        "actor": actor,
        "actor_role": actor_role,
        "source": source,
        "object_type": object_type,
        "object_id": object_id,
    }
    return AuditEvent.objects.create(
        outcome=outcome,
        detail=_plain(detail),
        **{field: _fitting(field, value) for field, value in texts.items()},
    )


def _plain(value: Any) -> Any:
    """Strip control characters from every text in a detail: PostgreSQL refuses some, readers all."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _fitting(field: str, value: str) -> str:
    """Cut to the column: PostgreSQL and MySQL refuse what SQLite would take."""
    return plain_text(str(value))[: _LENGTHS[field]]
