"""Giving a quarantined object another chance, after a fix here or a correction of what it clashed with."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError
from apps.studies.models import QuarantinedObject, Received
from apps.studies.objects import object_as_path, object_delete
from apps.studies.services.ingest import IngestResult, object_ingest


def quarantined_reingest(*, quarantined: QuarantinedObject, actor: Actor) -> IngestResult:
    """Ingest a quarantined object again; when it is kept as an instance or conflict, it leaves quarantine.

    Raises `NotPermittedError`, `ConflictError` when it is no longer there, and what `object_ingest` raises.
    """
    actor.require(Right.CONFIGURE)
    if not QuarantinedObject.objects.filter(pk=quarantined.pk).exists():
        raise ConflictError("This object is no longer in quarantine.")
    with object_as_path(quarantined.storage_key) as path:
        result = object_ingest(
            source=path,
            door=Received.Door(quarantined.door),
            sender=quarantined.sender,
            actor=actor.name,
        )
    with transaction.atomic():
        event_record(
            action="quarantine_retried",
            actor=actor.name,
            actor_role=actor.role or "",
            source=actor.source,
            object_type="QuarantinedObject",
            object_id=str(quarantined.pk),
            outcome="failure" if result.outcome == "quarantined" else "success",
            detail={"outcome": result.outcome},
        )
        if result.outcome != "quarantined":
            QuarantinedObject.objects.filter(pk=quarantined.pk).delete()
    if result.outcome != "quarantined":
        object_delete(quarantined.storage_key)
    return result
