"""A version's answers as a stream: what went in, what came out, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.db.models import QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis.models import Diagnosis, Review
from apps.registry.models import ModelVersion
from apps.retraining.deidentification import age_band
from apps.retraining.models import WatchingReport
from apps.retraining.selectors.laboratory import reference_of, results_in_force
from apps.retraining.selectors.snapshots import date_of
from ml.contracts import Finding

ANSWERED = (Diagnosis.Status.COMPLETED, Diagnosis.Status.REJECTED)
UNKNOWN = "unknown"
_AGES = ((18, "under 18"), (40, "18-39"), (65, "40-64"), (131, "65 and over"))


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was so, of how many: of one figure, in one part of the images."""

    figure: str
    by: str
    part: str
    hits: int
    n: int


@dataclass(frozen=True, slots=True)
class Confidence:
    """The likeliest finding's probability, and whether the reader saw that finding."""

    probability: float
    right: bool


def watching_reports_visible_to(actor: Actor) -> QuerySet[WatchingReport]:
    """Return the reports, newest first, for who may see models; they name no patient."""
    reports = WatchingReport.objects.select_related("model_version__model")
    return reports if actor.may(Right.VIEW_MODELS) else reports.none()


def answers(version: ModelVersion, *, after: int, count: int) -> list[Diagnosis]:
    """Return a version's next answers, at most one per patient, so that they are independent."""
    found = (
        Diagnosis.objects.filter(model_version=version, status__in=ANSWERED, pk__gt=after)
        .order_by("pk")
        .select_related("instance__series__study__patient", "instance__statistics")
        .prefetch_related("findings", "reviews")
    )
    return list(islice(_one_per_patient(found.iterator(chunk_size=500)), count))


def latest_answers(version: ModelVersion, *, until: int, count: int) -> list[Diagnosis]:
    """Return a version's last answers up to and with diagnosis `until`, newest first."""
    found = Diagnosis.objects.filter(model_version=version, status__in=ANSWERED, pk__lte=until).order_by(
        "-pk"
    )
    related = found.select_related("instance__series__study__patient")
    return list(related.prefetch_related("findings", "reviews")[:count])


def numbers_of(diagnoses: Sequence[Diagnosis]) -> dict[str, list[float | None]]:
    """Return what can be measured of each answer and its image, None where there is nothing to measure."""
    rows = [_numbers(diagnosis) for diagnosis in diagnoses]
    names = sorted({name for row in rows for name in row})
    return {name: [row.get(name) for row in rows] for name in names}


def categories_of(diagnoses: Sequence[Diagnosis]) -> dict[str, list[str]]:
    """Return what each answer and its image are of a kind."""
    return {
        "answer": [diagnosis.label or str(diagnosis.status) for diagnosis in diagnoses],
        "institution": [diagnosis.instance.series.study.institution_name for diagnosis in diagnoses],
        "device": [diagnosis.instance.series.station_name for diagnosis in diagnoses],
        "view": [diagnosis.instance.view_position for diagnosis in diagnoses],
        "format": [str(diagnosis.instance.file_format) for diagnosis in diagnoses],
    }


def counts_of(diagnoses: Sequence[Diagnosis]) -> list[Count]:
    """Count agreement, coverage, refusals and what the laboratory says, overall and in every part."""
    reports = results_in_force({diagnosis.instance.series.study.patient_id for diagnosis in diagnoses})
    outcomes: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for diagnosis in diagnoses:
        study = diagnosis.instance.series.study
        reference = reference_of(
            reports.get(study.patient_id, ()), study_date=date_of(study), days=settings.LABORATORY_DAYS
        )
        found = {"refused": diagnosis.status == Diagnosis.Status.REJECTED}
        if diagnosis.status == Diagnosis.Status.COMPLETED:
            positive = diagnosis.covid19_status == "positive"
            if Finding.COVID19 in reference.confirmed:
                found["sensitivity for COVID-19"] = positive
            if Finding.COVID19 in reference.ruled_out:
                found["specificity for COVID-19"] = not positive
            if review := _newest(diagnosis):
                found["agreement"] = review.verdict == Review.Verdict.AGREE
                found["coverage"] = review.label in diagnosis.prediction_set
        for figure, outcome in found.items():
            for by, part in _parts(diagnosis).items():
                outcomes[figure, by, part].append(outcome)
    return [Count(*key, hits=sum(one), n=len(one)) for key, one in sorted(outcomes.items())]


def confidences_of(diagnoses: Iterable[Diagnosis]) -> list[Confidence]:
    """Return how sure the version was of its likeliest finding, for answers that a reader judged."""
    found = []
    for diagnosis in diagnoses:
        findings = list(diagnosis.findings.all())
        review = _newest(diagnosis)
        if findings and review is not None:
            likeliest = max(findings, key=lambda finding: finding.probability)
            found.append(Confidence(likeliest.probability, likeliest.label == review.label))
    return found


def alarm_since(kind: str, moment: datetime) -> str | None:
    """Say what alarm of a kind, `drift` or `agreement`, was raised after a moment; None without one."""
    report = WatchingReport.objects.filter(**{f"{kind}_alarm": True}, created_at__gt=moment).first()
    return report.reason if report else None


def _one_per_patient(diagnoses: Iterable[Diagnosis]) -> Iterable[Diagnosis]:
    seen: set[int] = set()
    for diagnosis in diagnoses:
        patient = diagnosis.instance.series.study.patient_id
        if patient not in seen:
            seen.add(patient)
            yield diagnosis


def _numbers(diagnosis: Diagnosis) -> dict[str, float]:
    numbers = {f"probability of {one.label}": one.probability for one in diagnosis.findings.all()}
    if diagnosis.status == Diagnosis.Status.COMPLETED:
        numbers["findings left"] = float(len(diagnosis.prediction_set))
    statistics = getattr(diagnosis.instance, "statistics", None)
    return numbers | (statistics.values if statistics else {})


def _newest(diagnosis: Diagnosis) -> Review | None:
    return max(diagnosis.reviews.all(), key=lambda review: review.pk, default=None)


def _parts(diagnosis: Diagnosis) -> dict[str, str]:
    series = diagnosis.instance.series
    study, patient = series.study, series.study.patient
    band = age_band(patient.patient_birth_date, study.study_date)
    return {
        "all": "all",
        "institution": study.institution_name or UNKNOWN,
        "device": series.station_name or UNKNOWN,
        "sex": patient.patient_sex or UNKNOWN,
        "age": next(name for bound, name in _AGES if int(band) < bound) if band else UNKNOWN,
    }
