"""Watching the champion: measure images, close periods, raise alarms."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction
from PIL import Image, UnidentifiedImageError

from apps.audit.services import event_record
from apps.diagnosis.models import Diagnosis
from apps.registry.models import ModelVersion
from apps.registry.selectors import champion
from apps.retraining.mails import watching_alarm_mail
from apps.retraining.models import ImageStatistics, WatchingReport
from apps.retraining.selectors import watching as seen
from apps.studies.models import Instance
from apps.studies.objects import object_open

logger = logging.getLogger(__name__)

REFERENCE_IMAGES = 500
"""The version's own first answers, one per patient: what it was watched to do when it began to serve."""
PERIOD_IMAGES = 250
RATED_IMAGES = 1000
"""Last answers over which rates are taken, so that readers and the laboratory have had time."""
ENOUGH_READINGS = 30
MEASURED_AT_ONCE = 500
PERIODS_AT_ONCE = 4
_SIDE = 256


def champion_watch() -> list[WatchingReport]:
    """Measure new images and report on every period of the champion that is complete; safe to run twice."""
    images_measure()
    version = champion()
    if version is None:
        return []
    reports: list[WatchingReport] = []
    while len(reports) < PERIODS_AT_ONCE and (report := _next_report(version)) is not None:
        reports.append(report)
    return reports


def images_measure() -> int:
    """Measure the previews of answered images that were not measured yet, and return how many."""
    answered = Instance.objects.filter(diagnoses__status__in=seen.ANSWERED, statistics=None).distinct()
    instances = list(answered.order_by("pk")[:MEASURED_AT_ONCE])
    ImageStatistics.objects.bulk_create(
        [ImageStatistics(instance=instance, values=_measured(instance)) for instance in instances],
        ignore_conflicts=True,
    )
    return len(instances)


def _measured(instance: Instance) -> dict[str, float]:
    """Measure brightness, contrast and sharpness of the preview that a worker drew, in [0, 1]."""
    if not instance.preview_key:
        return {}
    try:
        with object_open(instance.preview_key) as file, Image.open(file, formats=["PNG"]) as image:
            grey = image.convert("L")
            grey.thumbnail((_SIDE, _SIDE))
            levels = np.asarray(grey, np.float64) / 255
    except (OSError, UnidentifiedImageError):
        return {}
    dark, middle, bright = np.quantile(levels, (0.05, 0.5, 0.95)).tolist()
    values = {
        "brightness": middle,
        "darkest tones": dark,
        "brightest tones": bright,
        "contrast": float(levels.std()),
        "sharpness": float(np.abs(np.diff(levels, axis=0)).mean() + np.abs(np.diff(levels, axis=1)).mean()),
        "height by width": levels.shape[0] / levels.shape[1],
    }
    return {name: round(value, 5) for name, value in values.items()}


def _next_report(version: ModelVersion) -> WatchingReport | None:
    """Close the next period, or return None while it is not complete."""
    last = WatchingReport.objects.filter(model_version=version).first()
    answered = Diagnosis.objects.filter(
        model_version=version, status__in=seen.ANSWERED, pk__gt=last.last_diagnosis if last else 0
    )
    if answered.count() < (PERIOD_IMAGES if last else REFERENCE_IMAGES + PERIOD_IMAGES):
        return None  # most of the time: nothing else is read
    reference = seen.answers(version, after=0, count=REFERENCE_IMAGES)
    if len(reference) < REFERENCE_IMAGES:
        return None
    period = seen.answers(
        version, after=last.last_diagnosis if last else reference[-1].pk, count=PERIOD_IMAGES
    )
    if len(period) < PERIOD_IMAGES:
        return None
    return _report(version, reference, period)


def _report(
    version: ModelVersion, reference: Sequence[Diagnosis], period: Sequence[Diagnosis]
) -> WatchingReport | None:
    from apps.retraining.monitoring import calibration_error, rate_as_json, shifts_as_json

    shifts = shifts_as_json(
        (seen.numbers_of(reference), seen.categories_of(reference)),
        (seen.numbers_of(period), seen.categories_of(period)),
    )
    rated = seen.latest_answers(version, until=period[-1].pk, count=RATED_IMAGES)
    rates = [
        {
            "figure": count.figure,
            "by": count.by,
            "part": count.part,
            **(rate_as_json(count.hits, count.n) or {}),
        }
        for count in seen.counts_of(rated)
    ]
    confidences = seen.confidences_of(rated)
    drifted = [shift["attribute"] for shift in shifts if shift["alarm"]]
    fallen = _fallen_agreement(version, rates)
    reasons = [f"{version}: the images or answers have changed: {', '.join(drifted)}."] if drifted else []
    with transaction.atomic():
        report, created = WatchingReport.objects.get_or_create(
            model_version=version,
            last_diagnosis=period[-1].pk,
            defaults={
                "first_diagnosis": period[0].pk,
                "begins_at": period[0].queued_at,
                "ends_at": period[-1].queued_at,
                "images": len(period),
                "reference_images": len(reference),
                "shifts": shifts,
                "rates": rates,
                "calibration_error": calibration_error(
                    [one.probability for one in confidences], [one.right for one in confidences]
                ),
                "drift_alarm": bool(drifted),
                "agreement_alarm": bool(fallen),
                "reason": " ".join([*reasons, fallen]).strip(),
            },
        )
        if not created:
            return None  # another worker closed this period
        if report.reason:
            _tell(report)
    return report


def _fallen_agreement(version: ModelVersion, rates: Sequence[dict[str, Any]]) -> str:
    """Say that readers agree less than when the version began: its interval lies below the first one's."""
    now = _agreement(rates)
    earlier = WatchingReport.objects.filter(model_version=version).order_by("pk")
    first = next((found for one in earlier if (found := _agreement(one.rates))), None)
    if now is None or first is None or now["high"] >= first["low"]:
        return ""
    return (
        f"{version}: readers agree with {now['rate']:.0%} of the answers, at first with {first['rate']:.0%}."
    )


def _agreement(rates: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    for rate in rates:
        if (rate["figure"], rate["by"]) == ("agreement", "all") and rate["n"] >= ENOUGH_READINGS:
            return rate
    return None


def _tell(report: WatchingReport) -> None:
    """Record the alarm, and mail it to the administrators."""
    logger.warning("Watching: %s", report.reason)
    event_record(
        action="watching_alarm",
        actor="watching",
        object_type="model_version",
        object_id=str(report.model_version),
        detail={"report": report.pk, "reason": report.reason},
    )
    watching_alarm_mail(report)
