"""Wiring: a new instance is queued, a queued diagnosis is told to the broker."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apps.core.transactions import enqueue_on_commit
from apps.diagnosis.models import Diagnosis
from apps.diagnosis.services import diagnosis_queue
from apps.diagnosis.signals import diagnosis_queued
from apps.diagnosis.tasks import run_diagnosis
from apps.studies.models import Instance
from apps.studies.signals import instance_ingested


@receiver(instance_ingested, dispatch_uid="diagnosis_queue")
def queue_new_instance(instance: Instance, **kwargs: Any) -> None:
    """Queue every new instance, in the transaction that made it."""
    diagnosis_queue(instance=instance)


@receiver(diagnosis_queued, dispatch_uid="diagnosis_enqueue")
def enqueue_diagnosis(diagnosis: Diagnosis, **kwargs: Any) -> None:
    """Tell the broker once the row is committed."""
    enqueue_on_commit(run_diagnosis, diagnosis.pk)
