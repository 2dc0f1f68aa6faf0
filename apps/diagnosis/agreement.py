"""How the challenger does beside the champion on the same images: agreement, differences, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles

from django.db.models import Count, F, QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis.models import Diagnosis, Review, ShadowResult
from apps.registry.models import ModelVersion

COMPARED_AT_MOST = 5_000
"""Newest images that a summary looks at: enough for any share, and the page stays fast."""
STEPS = ("decode", "preprocess", "infer", "explain", "total")

_COMPLETED, _REJECTED = Diagnosis.Status.COMPLETED, Diagnosis.Status.REJECTED


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one step: half of the images took at most `median`, 95 of 100 at most `p95`."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class ShadowSummary:
    """Champion and challenger on the same images; labels are the decisions, `inconclusive` among them."""

    version: ModelVersion
    waiting: int
    failed: int
    images: int
    """Answered or refused by both."""
    compared: int
    """Answered by both."""
    agreed: int
    refusals: dict[str, int] = field(default_factory=dict)
    """Images by who refused them: `both`, `champion`, `challenger`."""
    changes: list[tuple[str, str, int]] = field(default_factory=list)
    """Champion's label, challenger's label and how many images, most first; equal labels too."""
    abnormality_difference: float | None = None
    """Mean of challenger's minus champion's 1 - p(normal)."""
    reviewed: int = 0
    """Images compared for which a reader gave the finding."""
    champion_right: int = 0
    challenger_right: int = 0
    champion_ms: dict[str, Latency] = field(default_factory=dict)
    challenger_ms: dict[str, Latency] = field(default_factory=dict)

    @property
    def agreement(self) -> float | None:
        """The share of images answered by both that got one label; None while there is none."""
        return self.agreed / self.compared if self.compared else None


def shadow_summary(*, version: ModelVersion, actor: Actor) -> ShadowSummary:
    """Compare a version's shadow results with the champion's, on the newest images.

    No patient is named, so that whoever sees models may see it. Raises `NotPermittedError`.
    """
    actor.require(Right.VIEW_MODELS)
    results = ShadowResult.objects.filter(model_version=version)
    counts = dict(results.order_by().values_list("status").annotate(Count("pk")))
    rows = list(
        results.finished()
        .select_related("diagnosis")
        .only(
            "status",
            "label",
            "abnormality",
            "timing_ms",
            "diagnosis__status",
            "diagnosis__label",
            "diagnosis__abnormality",
            "diagnosis__timing_ms",
        )
        .order_by("-id")[:COMPARED_AT_MOST]
    )
    both = [row for row in rows if row.status == row.diagnosis.status == _COMPLETED]
    truth = _reader_labels([row.diagnosis_id for row in both])
    judged = [(truth[row.diagnosis_id], row) for row in both if row.diagnosis_id in truth]
    pairs = Counter((row.diagnosis.label, row.label) for row in both)
    differences = [
        row.abnormality - row.diagnosis.abnormality
        for row in both
        if row.abnormality is not None and row.diagnosis.abnormality is not None
    ]
    return ShadowSummary(
        version=version,
        waiting=counts.get(Diagnosis.Status.QUEUED, 0) + counts.get(Diagnosis.Status.RUNNING, 0),
        failed=counts.get(Diagnosis.Status.FAILED, 0),
        images=len(rows),
        compared=len(both),
        agreed=sum(count for (first, second), count in pairs.items() if first == second),
        refusals=_refusals(rows),
        changes=[(first, second, count) for (first, second), count in pairs.most_common()],
        abnormality_difference=fmean(differences) if differences else None,
        reviewed=len(judged),
        champion_right=sum(label == row.diagnosis.label for label, row in judged),
        challenger_right=sum(label == row.label for label, row in judged),
        champion_ms=_latencies([row.diagnosis.timing_ms for row in both]),
        challenger_ms=_latencies([row.timing_ms for row in both]),
    )


def shadow_differences(*, version: ModelVersion, actor: Actor) -> QuerySet[ShadowResult]:
    """Return the images that the two answered differently, newest first.

    Patients are reached through the diagnosis by those alone who may see results; everybody else is to be
    shown numbers and labels. Raises `NotPermittedError`.
    """
    actor.require(Right.VIEW_MODELS)
    answered = ShadowResult.objects.filter(
        model_version=version, status=_COMPLETED, diagnosis__status=_COMPLETED
    )
    differing = answered.exclude(label=F("diagnosis__label"))
    return differing.select_related("diagnosis__instance__series").order_by("-id")


def _reader_labels(diagnosis_ids: Sequence[int]) -> dict[int, str]:
    """Map diagnoses to what their newest review says the finding is."""
    reviews = Review.objects.filter(diagnosis__in=diagnosis_ids).select_related("diagnosis").order_by("id")
    return {
        review.diagnosis_id: review.label
        if review.verdict == Review.Verdict.DISAGREE
        else review.diagnosis.label
        for review in reviews
    }


def _refusals(rows: Sequence[ShadowResult]) -> dict[str, int]:
    counts = dict.fromkeys(("both", "champion", "challenger"), 0)
    for row in rows:
        match row.diagnosis.status == _REJECTED, row.status == _REJECTED:
            case True, True:
                counts["both"] += 1
            case True, False:
                counts["champion"] += 1
            case False, True:
                counts["challenger"] += 1
    return counts


def _latencies(timings: Sequence[dict[str, float]]) -> dict[str, Latency]:
    latencies = {}
    for step in STEPS:
        values = [timing[step] for timing in timings if step in timing]
        if len(values) > 1:
            cuts = quantiles(values, n=20, method="inclusive")
            latencies[step] = Latency(median=round(cuts[9], 2), p95=round(cuts[18], 2))
    return latencies
