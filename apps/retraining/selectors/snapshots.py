"""Reading data sets, and choosing what goes into one."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis.models import Diagnosis, Review
from apps.retraining.models import DatasetSnapshot, LaboratoryResult
from apps.retraining.selectors.consents import consented_patients
from apps.retraining.selectors.laboratory import Reference, reference_of, results_in_force
from apps.studies.models import Instance, Study
from ml.contracts import Finding, findings_of

SNAPSHOT_MANIFEST = "manifest.csv"
_IMAGE_NAME = re.compile(r"[0-9a-f]{64}")

NO_CONSENT = "without consent"
NOT_READ = "without a reading or a laboratory result"
NO_FINDING = "read as something that is not one of the findings"
RULED_OUT = "read as a finding that the laboratory rules out"
SEVERAL = "with several findings confirmed by the laboratory"


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image of this site that may be learned from, its label, and who gave it."""

    instance: Instance
    label: str
    review: Review | None
    laboratory_result: LaboratoryResult | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes into a data set, and how many images were left out, by reason."""

    images: list[Labelled]
    left_out: Counter[str]


class NoLabelError(Exception):
    """Neither the laboratory nor a reader says what the image shows; the message is the reason."""


def snapshots_visible_to(actor: Actor) -> QuerySet[DatasetSnapshot]:
    """Return the data sets for who may see de-identified data; for others there is none."""
    snapshots = DatasetSnapshot.objects.all()
    return snapshots if actor.may(Right.VIEW_DATASETS) else snapshots.none()


def datasets_folder() -> Path:
    """Return the folder of all data sets."""
    return Path(settings.DATA_DIR) / "datasets"


def snapshot_folder(snapshot: DatasetSnapshot) -> Path:
    """Return the folder of a completed snapshot."""
    return datasets_folder() / snapshot.sha256


def snapshot_rows(snapshot: DatasetSnapshot, *, start: int, count: int) -> list[dict[str, str]]:
    """Return some rows of a completed snapshot's manifest; empty while it is not completed."""
    if snapshot.status != DatasetSnapshot.Status.COMPLETED:
        return []
    with (snapshot_folder(snapshot) / SNAPSHOT_MANIFEST).open(newline="", encoding="utf-8") as file:
        return list(islice(csv.DictReader(file), start, start + count))


def snapshot_picture(snapshot: DatasetSnapshot, sha256: str) -> Path | None:
    """Return the file of one image of a completed snapshot, or None where it has no such image."""
    if snapshot.status != DatasetSnapshot.Status.COMPLETED or not _IMAGE_NAME.fullmatch(sha256):
        return None
    path = snapshot_folder(snapshot) / "images" / sha256[:2] / f"{sha256}.png"
    return path if path.is_file() else None


def images_to_learn_from(*, consent_scope: str, laboratory_days: int) -> Choice:
    """Choose the site's images that are classified, consented, and labelled by the laboratory or a reader."""
    left_out: Counter[str] = Counter()
    images: list[Labelled] = []
    diagnoses = list(_classified())
    patients = {diagnosis.instance.series.study.patient_id for diagnosis in diagnoses}
    consented = consented_patients(scope=consent_scope, among=patients)
    reports = results_in_force(patients)
    readings = _newest_readings()
    for diagnosis in diagnoses:
        instance, study = diagnosis.instance, diagnosis.instance.series.study
        if study.patient_id not in consented:
            left_out[NO_CONSENT] += 1
            continue
        reference = reference_of(
            reports.get(study.patient_id, ()), study_date=date_of(study), days=laboratory_days
        )
        review = readings.get(instance.pk)
        try:
            label, result = label_of(review, reference)
        except NoLabelError as reason:
            left_out[str(reason)] += 1
        else:
            images.append(Labelled(instance, label, None if result else review, result))
    return Choice(images, left_out)


def label_of(review: Review | None, reference: Reference) -> tuple[str, LaboratoryResult | None]:
    """Return an image's label, and the laboratory result that gave it where it was not the reader.

    What the laboratory confirms outranks the reader; what it rules out takes the reader's label away and
    gives no other. Raises `NoLabelError`.
    """
    if len(reference.confirmed) > 1:
        raise NoLabelError(SEVERAL)
    for finding, result in reference.confirmed.items():
        return finding, result
    if review is None:
        raise NoLabelError(NOT_READ)
    label = _finding_read(review)
    if label in reference.ruled_out:
        raise NoLabelError(RULED_OUT)
    return label, None


def date_of(study: Study) -> date:
    """Return the day of a study: its own, else that on which it was received."""
    return study.study_date or timezone.localdate(study.received_at)


def _finding_read(review: Review) -> str:
    """Return the one finding behind a reader's label, which is of a version's own vocabulary."""
    version = review.diagnosis.model_version
    findings = findings_of(review.label, version.classes if version else {})
    if len(findings) != 1 or not findings <= set(Finding):
        raise NoLabelError(NO_FINDING)
    return str(next(iter(findings)))


def _classified() -> Iterator[Diagnosis]:
    found = Diagnosis.objects.current().filter(status=Diagnosis.Status.COMPLETED).order_by("instance_id")
    return found.select_related("instance__series__study__patient").iterator(chunk_size=500)


def _newest_readings() -> Mapping[int, Review]:
    """Map instances to the last reading of any of their diagnoses."""
    reviews = Review.objects.order_by("id").select_related("diagnosis__model_version")
    return {review.diagnosis.instance_id: review for review in reviews.iterator(chunk_size=500)}
