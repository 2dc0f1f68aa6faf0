"""A4, A9: does the answer change with what means nothing?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ml.audit.alterations import DISTURBANCES, MARKERS, Alteration
from ml.audit.checks import Check, Threshold
from ml.audit.intervals import proportion_interval
from ml.audit.subject import Subject

A4_FLIPS = Threshold(goal=0.02, limit=0.05)
"""Share of images whose label changes with a marker; one in twenty is no accident."""

A9_FLIPS = Threshold(goal=0.05, limit=0.10)
"""Share of images whose label changes when they are compressed, brightened, turned or reduced."""


def corners_and_markers(subject: Subject) -> Check:
    """A4: erase corners and markers, or insert them, outside the lungs; the label must stay."""
    return _stays(
        subject,
        "A4",
        MARKERS,
        A4_FLIPS,
        "Side markers, corners and borders say nothing about the lungs. Changing them, without touching the "
        "lungs, changes the reported finding in {share} of the images at worst ({worst}).",
    )


def stability(subject: Subject) -> Check:
    """A9: compress, brighten, turn and reduce the image a little; the label must stay."""
    return _stays(
        subject,
        "A9",
        DISTURBANCES,
        A9_FLIPS,
        "The same image, sent with stronger compression, another brightness, slightly turned or smaller, "
        "gets another finding in {share} of the cases at worst ({worst}).",
    )


def _stays(
    subject: Subject, code: str, alterations: Mapping[str, Alteration], threshold: Threshold, meaning: str
) -> Check:
    """Judge the alteration that changes most labels; `meaning` is told its `share` and name (`worst`)."""
    figures = _flips(subject, alterations)
    worst = _worst(figures)
    flips, n = figures[worst]["flips"], figures[worst]["n"]
    return Check(
        code,
        threshold.verdict(flips / n),
        meaning.format(share=f"{flips / n:.1%}", worst=worst),
        figure=flips / n,
        interval=proportion_interval(int(flips), int(n)),
        threshold=threshold,
        details={"worst": worst, "alterations": figures},
    )


def _flips(subject: Subject, alterations: Mapping[str, Alteration]) -> dict[str, dict[str, float]]:
    """Count changed labels, and give the mean change of the formerly predicted class's probability."""
    before = subject.sample.answers
    images = np.arange(len(before.predicted))
    figures = {}
    for number, (name, alteration) in enumerate(alterations.items()):
        subject.progress(name, number, len(alterations))
        after = subject.altered(alteration)
        change = (
            after.probabilities[images, before.predicted] - before.probabilities[images, before.predicted]
        )
        figures[name] = {
            "flips": int((after.predicted != before.predicted).sum()),
            "n": len(images),
            "mean_probability_change": round(float(np.abs(change).mean()), 4),
        }
    return figures


def _worst(figures: Mapping[str, Mapping[str, float]]) -> str:
    return max(figures, key=lambda name: figures[name]["flips"])
