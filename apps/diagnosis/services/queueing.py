"""A diagnosis begins: for a new instance, or again for one that is finished."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError, NotPermittedError
from apps.diagnosis.models import SUPERSEDED, Diagnosis
from apps.diagnosis.services.worklist import worklist_refresh
from apps.diagnosis.signals import diagnosis_queued
from apps.registry.selectors import champion
from apps.studies.models import Instance


@transaction.atomic
def diagnosis_queue(*, instance: Instance) -> Diagnosis:
    """Queue an instance for the champion of this moment and put its study on the worklist.

    Called in the transaction that commits the instance, so that none can exist without a diagnosis.
    Without a champion the version is filled in when a worker begins.
    """
    diagnosis = Diagnosis.objects.create(instance=instance, model_version=champion())
    worklist_refresh(study=instance.series.study)
    diagnosis_queued.send(sender=Diagnosis, diagnosis=diagnosis)
    return diagnosis


@transaction.atomic
def diagnosis_retry(*, diagnosis: Diagnosis, actor: Actor) -> Diagnosis:
    """Classify a finished diagnosis' instance again, by the present champion; the new one supersedes it.

    Raises `NotPermittedError` for an actor who may neither review nor configure, and `ConflictError`
    while the diagnosis is unfinished or when it was superseded already.
    """
    if not (actor.may(Right.REVIEW) or actor.may(Right.CONFIGURE)):
        raise NotPermittedError(f"{actor.name} may not have an image classified again.")
    finished = [Diagnosis.Status.COMPLETED, Diagnosis.Status.REJECTED, Diagnosis.Status.FAILED]
    present = Diagnosis.objects.current().filter(pk=diagnosis.pk, status__in=finished)
    if not present.update(current=SUPERSEDED):
        raise ConflictError("This diagnosis is still under way, or a newer one has taken its place already.")
    newer = Diagnosis.objects.create(instance=diagnosis.instance, model_version=champion())
    Diagnosis.objects.filter(pk=diagnosis.pk).update(superseded_by=newer)
    worklist_refresh(study=diagnosis.instance.series.study)
    event_record(
        action="retried",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="diagnosis",
        object_id=str(diagnosis.pk),
        detail={"superseded_by": newer.pk},
    )
    diagnosis_queued.send(sender=Diagnosis, diagnosis=newer)
    return newer
