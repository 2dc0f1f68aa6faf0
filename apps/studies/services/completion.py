"""A study has no end-of-study signal (DICOM knows none): it is complete when it has been quiet."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.studies.models import Study
from apps.studies.signals import study_completed


def quiet_studies_complete() -> int:
    """Mark the studies that received nothing for `CXR_STUDY_QUIET_SECONDS`; return how many.

    Each is claimed by one conditional UPDATE on the database's clock, so that `study_completed` is sent
    once, inside the transaction, however many processes look.
    """
    quiet = Study.objects.filter(
        completed_at=None, last_received_at__lt=Now() - timedelta(seconds=settings.STUDY_QUIET_SECONDS)
    )
    completed = 0
    for study in quiet.order_by("last_received_at")[:500]:
        with transaction.atomic():
            if quiet.filter(pk=study.pk).update(completed_at=Now()):
                study_completed.send(sender=Study, study=study)
                completed += 1
    return completed
