"""Reading diagnoses and the worklist, each by the rights of who asks.

An actor without the right to results (a technician) sees that a study is there and how far it is; its
worklist entries come with every result field blank, so that no page can show by accident what was never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.query import ModelIterable
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis.models import Diagnosis, LoadFailure, Review, Triage, WorklistEntry
from apps.diagnosis.results import result
from apps.diagnosis.triage import triage_from_name
from apps.studies.models import Instance

KEYSETS: dict[str, tuple[tuple[str, ...], bool]] = {
    "triage": (("triage", "received_at", "id"), False),
    "-received_at": (("received_at", "id"), True),
    "received_at": (("received_at", "id"), False),
}
"""Orderings of the worklist: fields of one index, and whether they descend."""


def worklist_keyset(*, actor: Actor, ordering: str) -> tuple[tuple[str, ...], bool]:
    """Return the fields and the direction of an ordering, for `core.keyset`.

    Order by triage tells results, so that an actor without the right to them gets the newest first.
    Raises `KeyError` on an unknown ordering.
    """
    fields = KEYSETS[ordering]
    hidden = ordering == "triage" and not actor.may(Right.VIEW_RESULTS)
    return KEYSETS["-received_at"] if hidden else fields


def worklist(
    *,
    actor: Actor,
    status: str | None = None,
    label: str | None = None,
    triage: str | int | None = None,
    patient_id: str | None = None,
    accession_number: str | None = None,
    received_from: date | None = None,
    received_to: date | None = None,
    search: str | None = None,
    ordering: str = "triage",
) -> QuerySet[WorklistEntry]:
    """Return the studies that the actor may see, filtered and ordered.

    Dates and times include both ends; a date is the whole day. `search` looks for a part of the
    patient's name or id or of the accession number. Filtering by label or triage finds nothing for an
    actor without the right to results. Raises `ValueError` on an unknown triage and `KeyError` on an
    unknown ordering.
    """
    entries = _entries_visible_to(actor)
    if label or triage:
        entries = entries if actor.may(Right.VIEW_RESULTS) else entries.none()
    if status:
        entries = entries.filter(status=status)
    if label:
        entries = entries.filter(label=label)
    if triage:
        rank = triage_from_name(triage) if isinstance(triage, str) else triage
        entries = entries.filter(triage=rank)
    if patient_id:
        entries = entries.filter(study__patient__patient_id=patient_id)
    if accession_number:
        entries = entries.filter(study__accession_number=accession_number)
    if received_from:
        entries = entries.filter(received_at__gte=_moment(received_from))
    if received_to:
        end = _moment(received_to)
        whole_day = not isinstance(received_to, datetime)
        entries = entries.filter(
            **{"received_at__lt": end + timedelta(days=1)} if whole_day else {"received_at__lte": end}
        )
    if search and (words := search.split()):
        for word in words:
            entries = entries.filter(
                Q(study__patient__patient_name__icontains=word)
                | Q(study__patient__patient_id__icontains=word)
                | Q(study__accession_number__icontains=word)
            )
    fields, descending = worklist_keyset(actor=actor, ordering=ordering)
    return entries.order_by(*(f"-{field}" if descending else field for field in fields))


def worklist_entry(*, actor: Actor, study_instance_uid: str) -> WorklistEntry | None:
    """Return one study's entry, or None when it is unknown or not for this actor."""
    return _entries_visible_to(actor).filter(study__study_instance_uid=study_instance_uid).first()


def worklist_item(entry: WorklistEntry) -> dict[str, Any]:
    """Return an entry of `worklist` as integrators see it, without its images."""
    study, patient = entry.study, entry.study.patient
    return {
        "study_instance_uid": study.study_instance_uid,
        "patient_id": patient.patient_id,
        "patient_name": patient.patient_name,
        "accession_number": study.accession_number,
        "study_date": study.study_date,
        "received_at": entry.received_at,
        "status": entry.status,
        "label": entry.label or None,
        "triage": str(Triage(entry.triage).label),
        "abnormality": entry.abnormality,
    }


def worklist_counts(actor: Actor) -> dict[str, int]:
    """Count the worklist by status and, for an actor who may see results, by triage and unreviewed."""
    entries = WorklistEntry.objects.filter(_visible(actor))
    counts: dict[str, int] = dict.fromkeys(WorklistEntry.Status.values, 0)
    counts |= dict(entries.order_by().values_list("status").annotate(Count("pk")))
    if actor.may(Right.VIEW_RESULTS):
        completed = entries.filter(status=WorklistEntry.Status.COMPLETED)
        ranks = dict(completed.order_by().values_list("triage").annotate(Count("pk")))
        counts |= {str(rank.label): ranks.get(rank.value, 0) for rank in Triage if rank != Triage.NONE}
        counts["unreviewed"] = completed.filter(reviewed_at=None).count()
    return counts


def diagnoses_visible_to(actor: Actor) -> QuerySet[Diagnosis]:
    """Return the diagnoses whose state the actor may see; results go through `diagnosis_result`."""
    diagnoses = Diagnosis.objects.select_related("instance__series__study", "model_version__model")
    reviews = Review.objects.select_related("reviewer")
    return diagnoses.prefetch_related("findings", Prefetch("reviews", reviews)).filter(_visible(actor))


def current_diagnosis(instance: Instance) -> Diagnosis | None:
    """Return the diagnosis that counts for an instance: the newest that none supersedes."""
    diagnoses = Diagnosis.objects.current().filter(instance=instance)
    return diagnoses.select_related("model_version__model").order_by("-id").first()


def diagnosis_result(diagnosis: Diagnosis, *, actor: Actor | None = None) -> dict[str, Any]:
    """Return a diagnosis in the contract's form; `saliency` holds storage keys, which the faces address.

    An actor without the right to results gets the status and why an image was refused; no actor means
    the platform itself.
    """
    status = str(diagnosis.status)
    sop_instance_uid = diagnosis.instance.sop_instance_uid
    if actor is not None and not actor.may(Right.VIEW_RESULTS):
        return result(status=status, sop_instance_uid=sop_instance_uid, rejections=diagnosis.rejections)
    version = diagnosis.model_version
    findings = {finding.label: finding for finding in diagnosis.findings.all()}
    vocabulary = [label for label in version.labels if label in findings] if version else []
    return result(
        status=status,
        sop_instance_uid=sop_instance_uid,
        label=diagnosis.label,
        covid19_status=diagnosis.covid19_status,
        probabilities={label: findings[label].probability for label in vocabulary},
        prediction_set=diagnosis.prediction_set,
        abnormality=diagnosis.abnormality,
        triage=Triage(diagnosis.triage),
        rejections=diagnosis.rejections,
        warnings=diagnosis.warnings,
        model=(
            {"name": version.model.name, "version": version.number, "sha256": version.sha256}
            if version
            else None
        ),
        saliency={
            label: findings[label].saliency_key for label in vocabulary if findings[label].saliency_key
        },
        timing_ms=diagnosis.timing_ms,
    )


def open_load_failures(actor: Actor) -> QuerySet[LoadFailure]:
    """Return the versions that workers should have loaded and cannot, for those who see models."""
    failures = LoadFailure.objects.filter(open=True).select_related(
        "model_version__model", "served_instead__model"
    )
    return failures if actor.may(Right.VIEW_MODELS) else failures.none()


_REFUSED = {WorklistEntry.Status.REJECTED, WorklistEntry.Status.FAILED}


class _WithoutResults(ModelIterable):  # type: ignore[type-arg]  # generic in the stubs only
    """Blanks the result fields of worklist entries as they are read."""

    def __iter__(self) -> Iterator[WorklistEntry]:
        for entry in super().__iter__():
            entry.label, entry.verdict, entry.reviewed_at = "", "", None
            entry.probability = entry.abnormality = None
            if entry.status not in _REFUSED:  # why an image was refused is no result
                entry.headline = None
            entry.triage = Triage.NONE
            yield entry


def _visible(actor: Actor) -> Q:
    """The condition for seeing a study's state at all."""
    may_see = actor.may(Right.VIEW_STATUS) or actor.may(Right.VIEW_RESULTS)
    return Q() if may_see else Q(pk__in=[])


def _entries_visible_to(actor: Actor) -> QuerySet[WorklistEntry]:
    entries = WorklistEntry.objects.filter(_visible(actor)).select_related("study__patient")
    if not actor.may(Right.VIEW_RESULTS):
        entries._iterable_class = _WithoutResults
    return entries


def _moment(when: date) -> datetime:
    """Return a date's first moment, or the given moment, in the installation's time zone."""
    moment = when if isinstance(when, datetime) else datetime.combine(when, time())
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
