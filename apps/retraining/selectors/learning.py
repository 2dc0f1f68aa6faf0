"""Which images' reading would teach a model most.

Uncertainty is the entropy of the calibrated probabilities (Lewis & Gale 1994) and the size of the conformal
prediction set; disagreement is a challenger's other label, as in query by committee (Seung et al. 1992), or a
reader's. Only images that may enter training data are offered: reading others would teach nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis.models import Diagnosis, Review, ShadowResult
from apps.retraining.models import ResearchConsent
from apps.retraining.selectors.consents import consented_patients

LOOKED_AT = 2000
"""Newest results among which the queue is chosen, so that the page stays cheap on a large archive."""
UNCERTAIN_ENTROPY = 0.6
"""Of 1, which all findings being equally likely gives."""
MIN_SCORE = 0.5
DISAGREEMENT, SET_SIZE, UNUSUAL = 0.75, 0.25, 0.25
"""What each reason weighs beside an entropy of at most 1."""


@dataclass(frozen=True, slots=True)
class WorthReading:
    """An image, how much its reading would teach (0 and up), and why, in sentences."""

    diagnosis: Diagnosis
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LearningQueue:
    """The images, best first, and how many more there would be if their patients had agreed."""

    images: list[WorthReading]
    without_consent: int


def learning_queue(*, actor: Actor, count: int = 50) -> LearningQueue:
    """Return the images among the newest `LOOKED_AT` results whose reading would teach most.

    Raises `NotPermittedError` for who does not read.
    """
    actor.require(Right.REVIEW)
    newest = Diagnosis.objects.current().filter(status=Diagnosis.Status.COMPLETED).order_by("-id")
    diagnoses = list(
        newest.select_related("instance__series__study__patient", "model_version__model").prefetch_related(
            "findings"
        )[:LOOKED_AT]
    )
    oldest = diagnoses[-1].pk if diagnoses else 0
    readings = _readings(oldest)
    challengers = _challengers(oldest)
    consented = consented_patients(
        scope=ResearchConsent.Scope.SITE,
        among={diagnosis.instance.series.study.patient_id for diagnosis in diagnoses},
    )
    worth: list[WorthReading] = []
    without_consent = 0
    for diagnosis in diagnoses:
        found = _worth(diagnosis, readings.get(diagnosis.pk, ()), challengers.get(diagnosis.pk))
        if found is None:
            continue
        if diagnosis.instance.series.study.patient_id in consented:
            worth.append(found)
        else:
            without_consent += 1
    worth.sort(key=lambda one: (-one.score, -one.diagnosis.pk))
    return LearningQueue(worth[:count], without_consent)


def entropy(probabilities: Sequence[float]) -> float:
    """Return the entropy of probabilities that sum to 1, as a share of the largest there can be: 0 to 1."""
    if len(probabilities) < 2:
        return 0.0
    bits = -sum(value * math.log(value) for value in probabilities if value > 0)
    return min(max(bits / math.log(len(probabilities)), 0.0), 1.0)


def _worth(
    diagnosis: Diagnosis, readings: Sequence[Review], challenger: ShadowResult | None
) -> WorthReading | None:
    """Score one image; None where it teaches little, or readers have settled it."""
    if readings and not _wants_second_reading(readings):
        return None
    spread = entropy([finding.probability for finding in diagnosis.findings.all()])
    score, reasons = spread, []
    if spread >= UNCERTAIN_ENTROPY:
        reasons.append(f"The model is unsure: {spread:.0%} of the greatest possible doubt.")
    if (size := len(diagnosis.prediction_set)) != 1:
        score += SET_SIZE
        reasons.append(
            f"{size} findings remain possible." if size else "No finding reaches its own threshold."
        )
    if challenger is not None and _disagrees(challenger, diagnosis):
        score += DISAGREEMENT
        reasons.append("The challenger gives another answer.")
    if readings:
        score += DISAGREEMENT
        reasons.append("One reader contradicts the model: a second reading settles it.")
    if diagnosis.warnings:
        score += UNUSUAL
        reasons.append(f"The image is unusual: {'; '.join(diagnosis.warnings)}.")
    return WorthReading(diagnosis, score, tuple(reasons)) if reasons and score >= MIN_SCORE else None


def _wants_second_reading(readings: Sequence[Review]) -> bool:
    readers = {review.reviewer_id for review in readings}
    return len(readers) == 1 and readings[-1].verdict == Review.Verdict.DISAGREE


def _disagrees(challenger: ShadowResult, diagnosis: Diagnosis) -> bool:
    return challenger.status == Diagnosis.Status.REJECTED or challenger.label != diagnosis.label


def _readings(oldest: int) -> Mapping[int, list[Review]]:
    found: dict[int, list[Review]] = {}
    for review in Review.objects.filter(diagnosis_id__gte=oldest).order_by("id"):
        found.setdefault(review.diagnosis_id, []).append(review)
    return found


def _challengers(oldest: int) -> Mapping[int, ShadowResult]:
    """Map diagnoses to what the last challenger said about their image."""
    results = ShadowResult.objects.finished().filter(diagnosis_id__gte=oldest).order_by("id")
    return {result.diagnosis_id: result for result in results}
