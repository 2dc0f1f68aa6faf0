"""A diagnosis in words: the answer first, then the evidence, then the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.diagnosis.models import Diagnosis, Finding
from apps.portal import wording
from ml.contracts import EACH_ITS_OWN, INCONCLUSIVE, Classes, findings_of
from ml.contracts import Finding as FindingLabel


@dataclass(frozen=True, slots=True)
class Line:
    """One finding of a result."""

    finding_id: int
    label: str
    name: str
    probability: float
    operating_point: float | None
    kept: bool
    """Whether the prediction set holds it."""
    has_saliency: bool

    @property
    def reached(self) -> bool:
        """Whether the probability reaches the operating point."""
        return self.operating_point is not None and self.probability >= self.operating_point


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader sees first."""

    headline: str
    sentence: str


def lines_of(diagnosis: Diagnosis) -> list[Line]:
    """Return the findings, likeliest first."""
    return [_line(finding, diagnosis.prediction_set) for finding in diagnosis.findings.all()]


def _line(finding: Finding, prediction_set: list[str]) -> Line:
    return Line(
        finding_id=finding.pk,
        label=finding.label,
        name=wording.finding_name(finding.label),
        probability=finding.probability,
        operating_point=finding.operating_point,
        kept=finding.label in prediction_set,
        has_saliency=bool(finding.saliency_key),
    )


def answer_of(diagnosis: Diagnosis, lines: list[Line]) -> Answer:
    """Put a completed result into one headline and one sentence."""
    if diagnosis.label == INCONCLUSIVE:
        return _inconclusive(lines)
    line = next((line for line in lines if line.label == diagnosis.label), None)
    name = wording.finding_name(diagnosis.label)
    classes = _classes_of(diagnosis)
    normal = findings_of(diagnosis.label, classes) == {FindingLabel.NORMAL}
    headline = "Looks normal" if normal else f"{name} likely"
    if line is None:
        return Answer(headline, "")
    parts = [f"{wording.percent(line.probability)} calibrated probability"]
    if line.operating_point is not None:
        side = "above" if line.reached else "below"
        parts.append(f"{side} this model's operating point ({wording.percent(line.operating_point)})")
    sentences = [f"{', '.join(parts)}. No other finding fits the evidence."]
    if meaning := wording.class_meaning(diagnosis.label, classes):
        sentences.append(meaning)
    return Answer(headline, " ".join(sentences))


def _classes_of(diagnosis: Diagnosis) -> Classes:
    return diagnosis.model_version.classes if diagnosis.model_version else EACH_ITS_OWN


def _inconclusive(lines: list[Line]) -> Answer:
    kept = [line for line in lines if line.kept]
    if not kept:
        return Answer(
            "Inconclusive",
            "No finding fits this image well enough. It may show something the model does not know, "
            "or differ from the images it learned from.",
        )
    names = wording.either([line.label for line in kept])
    return Answer(
        "Inconclusive",
        f"{names}: the evidence does not single one out, so the model does not choose.",
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A typed reason why there is no result."""

    code: str
    reason: str
    detail: str
    advice: str


def refusals_of(diagnosis: Diagnosis) -> list[Refusal]:
    """Return the reasons of a rejected diagnosis in plain words, with what to do."""
    refusals = []
    for rejection in diagnosis.rejections:
        explained = wording.rejection_explained(rejection["code"])
        refusals.append(
            Refusal(
                code=rejection["code"],
                reason=explained.reason,
                detail=rejection.get("detail", ""),
                advice=explained.advice,
            )
        )
    return refusals


def limits_of(diagnosis: Diagnosis) -> list[str]:
    """Return what to know before trusting it: warnings, and how the model did on images it never saw."""
    limits = list(diagnosis.warnings)
    evaluation: dict[str, Any] = diagnosis.model_version.evaluation if diagnosis.model_version else {}
    accuracy, count = evaluation.get("balanced_accuracy"), evaluation.get("n")
    if isinstance(accuracy, float) and isinstance(count, int):
        limits.append(
            f"On {count:,} images that it never saw, this model named the right finding for "
            f"{wording.percent(accuracy)} of each kind on average."
        )
    limits.append("The highlighted area shows what moved the score, not where disease ends.")
    return limits


def vocabulary_of(diagnosis: Diagnosis) -> list[str]:
    """Return what a reader may answer instead: the model version's own labels but the result's."""
    labels = diagnosis.model_version.labels if diagnosis.model_version else []
    return [label for label in labels if label != diagnosis.label]


def took_seconds(diagnosis: Diagnosis) -> float | None:
    """Return how long the answer took from the queue on; None while there is none."""
    if diagnosis.finished_at is None:
        return None
    return max(0.0, (diagnosis.finished_at - diagnosis.queued_at).total_seconds())
