"""Wiring: an instance is queued, a queued diagnosis told to the broker, a finished one to the challenger."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apps.core.transactions import enqueue_on_commit
from apps.diagnosis.models import Diagnosis
from apps.diagnosis.services import diagnosis_queue, shadow_queue
from apps.diagnosis.signals import diagnosis_finished, diagnosis_queued, shadow_queued
from apps.diagnosis.tasks import run_diagnosis, run_shadows
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


@receiver(diagnosis_finished, dispatch_uid="diagnosis_shadow_queue")
def queue_shadow(diagnosis: Diagnosis, **kwargs: Any) -> None:
    """Note for the challenger what the champion has answered."""
    shadow_queue(diagnosis=diagnosis)


@receiver(shadow_queued, dispatch_uid="diagnosis_shadow_enqueue")
def enqueue_shadows(**kwargs: Any) -> None:
    """Tell the broker once the row is committed."""
    enqueue_on_commit(run_shadows)
