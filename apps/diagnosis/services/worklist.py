"""A study's one row on the worklist, kept true to its diagnoses and reviews."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from apps.diagnosis.models import Diagnosis, Review, Triage, WorklistEntry
from apps.studies.models import Study


@transaction.atomic
def worklist_refresh(*, study: Study) -> None:
    """Work the study's headline out again, in the transaction that changed one of its diagnoses.

    The row is locked before the diagnoses are read, so that of two images finishing at once the
    second sees the first.
    """
    entry, _ = WorklistEntry.objects.get_or_create(study=study, defaults={"received_at": study.received_at})
    entry = WorklistEntry.objects.select_for_update().get(pk=entry.pk)
    diagnoses = list(
        Diagnosis.objects.current().filter(instance__series__study=study).prefetch_related("findings")
    )
    headline = headline_of(diagnoses)
    review = (
        Review.objects.filter(diagnosis__in=[diagnosis.pk for diagnosis in diagnoses]).order_by("-id").first()
    )
    WorklistEntry.objects.filter(pk=entry.pk).update(
        status=status_of([Diagnosis.Status(diagnosis.status) for diagnosis in diagnoses]),
        triage=headline.triage if headline else Triage.NONE,
        headline=headline,
        label=headline.label if headline else "",
        probability=_headline_probability(headline) if headline else None,
        abnormality=headline.abnormality if headline else None,
        reviewed_at=review.created_at if review else None,
        verdict=review.verdict if review else "",
        updated_at=Now(),
    )


def headline_of(diagnoses: Sequence[Diagnosis]) -> Diagnosis | None:
    """Return the diagnosis that speaks for a study: the most urgent completed one.

    Among equals the most abnormal, then the first. Where none is completed, the first that failed,
    else the first rejected, so that the reason is at hand.
    """
    spoken = [Diagnosis.Status.COMPLETED, Diagnosis.Status.FAILED, Diagnosis.Status.REJECTED]
    finished = [diagnosis for diagnosis in diagnoses if diagnosis.status in spoken]
    return min(
        finished,
        key=lambda d: (spoken.index(Diagnosis.Status(d.status)), d.triage, -(d.abnormality or 0.0), d.pk),
        default=None,
    )


def status_of(statuses: Sequence[Diagnosis.Status]) -> WorklistEntry.Status:
    """Return a study's status from those of its current diagnoses.

    `received` until the first image is begun, `running` until the last one is finished, then
    `completed` if any is, `failed` if any failed, and `rejected` only if all are.
    """
    states = set(statuses)
    if states <= {Diagnosis.Status.QUEUED}:
        return WorklistEntry.Status.RECEIVED
    if states & {Diagnosis.Status.QUEUED, Diagnosis.Status.RUNNING}:
        return WorklistEntry.Status.RUNNING
    if Diagnosis.Status.COMPLETED in states:
        return WorklistEntry.Status.COMPLETED
    if Diagnosis.Status.FAILED in states:
        return WorklistEntry.Status.FAILED
    return WorklistEntry.Status.REJECTED


def _headline_probability(headline: Diagnosis) -> float | None:
    """The probability of the label; where it is inconclusive, that of the likeliest finding."""
    findings = {finding.label: finding.probability for finding in headline.findings.all()}
    return findings.get(headline.label, max(findings.values(), default=None))
