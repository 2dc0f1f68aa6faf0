"""A3, A5, A7: does the version look at the lungs?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.audit.alterations import Alteration, lungs_blackened, lungs_levelled, surroundings_greyed
from ml.audit.checks import Check, NotAvailableError, Threshold
from ml.audit.intervals import balanced_accuracy, group_interval
from ml.audit.network import Answers, Film
from ml.audit.subject import Subject
from ml.contracts import FloatImage
from ml.evaluation.generalisation import LUNGS_BLACKED_OUT
from ml.preprocessing import Region

A3_ABOVE_CHANCE = Threshold(goal=0.10, limit=0.25)
"""Balanced accuracy above chance without lungs; a quarter above it is knowledge from elsewhere."""

A5_SHARE = Threshold(goal=0.95, limit=0.70)
"""Share of the full balanced accuracy that the lungs alone give."""

A7_ENERGY = Threshold(goal=0.80, limit=0.50)
"""Share of the evidence inside the lungs; below one half most of it lies elsewhere."""


def lungs_blacked_out(subject: Subject) -> Check:
    """A3: black out the lungs on the original image; what is still recognised was not in them.

    The figure is the worst of the variants: the whole pipeline on the altered image, the original lungs'
    box kept, and, for a version that hides what is outside the lungs, the network without that step.
    Black lungs also upset the contrast of all the rest, which alone may make a version guess; so they are
    painted in their own grey as well.
    """
    chosen, targets, groups = _with_lungs(subject)
    variants = _variants(subject, lungs_blackened, chosen)
    variants[LEVELLED] = subject.altered(
        lungs_levelled,
        keep_lungs=True,
        only=chosen,
        preprocessing=subject.network.unmasked_preprocessing,
    )
    scores = {name: balanced_accuracy(targets, answers.predicted) for name, answers in variants.items()}
    worst = max(scores, key=lambda name: scores[name])
    chance = 1 / len(set(targets.tolist()))
    retrained = subject.controls.get(LUNGS_BLACKED_OUT)
    figure = scores[worst] - chance
    low, high = group_interval(
        groups,
        lambda weights: balanced_accuracy(targets, variants[worst].predicted, weights) - chance,
        seed=subject.seed,
    )
    return Check(
        "A3",
        A3_ABOVE_CHANCE.verdict(figure),
        f"With the lungs painted over the version still reaches a balanced accuracy of {scores[worst]:.0%}, "
        f"where guessing gives {chance:.0%}. Whatever is above guessing it reads from somewhere else "
        f"than the lungs. {_retrained(retrained)}",
        figure=figure,
        interval=(low, high),
        threshold=A3_ABOVE_CHANCE,
        details={
            "n": len(chosen),
            "chance": round(chance, 4),
            "full_balanced_accuracy": round(_full(subject, chosen, targets), 4),
            "balanced_accuracy": {name: round(score, 4) for name, score in scores.items()},
            LUNGS_BLACKED_OUT: retrained or "not available: needs a training",
        },
    )


def _retrained(figures: Mapping[str, Any] | None) -> str:
    """Say what a network learns from images without lungs: that is in the data, whoever trains on them."""
    if figures is None:
        return "What the data give away outside the lungs was not measured: that needs a training."
    return (
        f"Trained on images without lungs, the recipe reaches {figures['balanced_accuracy']:.0%} where "
        f"guessing gives {figures['chance']:.0%}: so much the data themselves give away outside the lungs."
    )


def lungs_only(subject: Subject) -> Check:
    """A5: grey out everything but the lungs; a version that looks at them hardly notices.

    The figure keeps the original lungs' box: the other variant also measures how the lung network does
    on images that no hospital makes.
    """
    chosen, targets, groups = _with_lungs(subject)
    full = _full(subject, chosen, targets)
    if full <= 1 / len(set(targets.tolist())):
        raise NotAvailableError("The version does no better than guessing on whole images already.")
    variants = _variants(subject, surroundings_greyed, chosen)
    scores = {name: balanced_accuracy(targets, answers.predicted) for name, answers in variants.items()}
    kept = variants[BOX_KEPT].predicted
    before = subject.sample.answers.predicted[chosen]
    share = scores[BOX_KEPT] / full
    return Check(
        "A5",
        A5_SHARE.verdict(share),
        f"Shown nothing but the lungs, the version keeps {share:.0%} of its balanced accuracy "
        f"({scores[BOX_KEPT]:.0%} of {full:.0%} on whole images). "
        "What is lost came from outside the lungs, or the greyed image is too strange for it.",
        figure=share,
        interval=group_interval(
            groups,
            lambda weights: (
                balanced_accuracy(targets, kept, weights)
                / (balanced_accuracy(targets, before, weights) or float("nan"))
            ),
            seed=subject.seed,
        ),
        threshold=A5_SHARE,
        details={
            "n": len(chosen),
            "full_balanced_accuracy": round(full, 4),
            "balanced_accuracy": {name: round(score, 4) for name, score in scores.items()},
        },
    )


def evidence_in_lungs(subject: Subject) -> Check:
    """A7: the share of the predicted finding's positive evidence that lies in the widened lungs.

    The energy-based pointing game (Wang 2020) with the lungs as the target, in the original geometry.
    """
    chosen = subject.sampled(with_lungs=True)
    groups = [subject.rows[i].group for i in subject.sample.positions[chosen]]
    answers = subject.sample.answers
    shares = np.full(len(chosen), np.nan)
    spread = np.zeros(len(chosen))
    by_finding: dict[str, list[float]] = defaultdict(list)
    for n, i in enumerate(chosen):
        finding = int(answers.predicted[i])
        film, region = subject.sample.films[i], answers.regions[i]
        evidence = np.maximum(answers.class_maps[i, :, :, finding], 0.0)
        shares[n], spread[n] = _share_inside(evidence, film, region)
        if not np.isnan(shares[n]):
            by_finding[subject.spec.labels[finding]].append(float(shares[n]))
    shown = ~np.isnan(shares)
    if not shown.any():
        raise NotAvailableError("No image shows positive evidence for its finding.")
    share = float(shares[shown].mean())
    kept_groups = [group for group, keep in zip(groups, shown, strict=True) if keep]
    return Check(
        "A7",
        A7_ENERGY.verdict(share),
        f"{share:.0%} of what speaks for the reported finding lies inside the lungs. Spread evenly over what "
        f"the network is shown it would be {spread[shown].mean():.0%}.",
        figure=share,
        interval=group_interval(
            kept_groups, lambda weights: float(np.average(shares[shown], weights=weights)), seed=subject.seed
        ),
        threshold=A7_ENERGY,
        details={
            "n": int(shown.sum()),
            "without_positive_evidence": int((~shown).sum()),
            "if_spread_evenly": round(float(spread[shown].mean()), 4),
            "by_predicted_finding": {
                label: {"n": len(values), "share": round(float(np.mean(values)), 4)}
                for label, values in sorted(by_finding.items())
            },
        },
    )


WHOLE_PIPELINE = "whole pipeline on the altered image"
BOX_KEPT = "box of the original lungs kept"
LEVELLED = "box kept, no masking, lungs in their own grey instead of black"
UNMASKED = "box kept, without the version's own masking"


def _variants(subject: Subject, alteration: Alteration, chosen: list[int]) -> dict[str, Answers]:
    variants = {
        WHOLE_PIPELINE: subject.altered(alteration, only=chosen),
        BOX_KEPT: subject.altered(alteration, keep_lungs=True, only=chosen),
    }
    unmasked = subject.network.unmasked_preprocessing
    if unmasked is not None:
        variants[UNMASKED] = subject.altered(alteration, keep_lungs=True, only=chosen, preprocessing=unmasked)
    return variants


def _with_lungs(subject: Subject) -> tuple[list[int], NDArray[np.intp], list[str]]:
    """Give the sampled images with lungs: their numbers, classes and groups."""
    chosen = subject.sampled(with_lungs=True)
    positions = subject.sample.positions[chosen]
    targets = subject.targets[positions]
    if len(set(targets.tolist())) < 2:
        raise NotAvailableError("Only one finding is among the images; at least two are needed.")
    return chosen, targets, [subject.rows[i].group for i in positions]


def _full(subject: Subject, chosen: list[int], targets: NDArray[np.intp]) -> float:
    return balanced_accuracy(targets, subject.sample.answers.predicted[chosen])


def _share_inside(evidence: FloatImage, film: Film, region: Region) -> tuple[float, float]:
    """Give the share of a map's energy inside the lungs, and the share of the map's area.

    The first is NaN for a map without positive evidence.
    """
    height, width = film.image.shape
    box = region.box(height, width)
    inside = film.lungs[box.top : box.bottom, box.left : box.right]
    enlarged: Any = cv2.resize(
        np.ascontiguousarray(evidence), (inside.shape[1], inside.shape[0]), interpolation=cv2.INTER_LINEAR
    )
    total = float(enlarged.sum())
    return float(enlarged[inside].sum()) / total if total > 0 else float("nan"), float(inside.mean())
