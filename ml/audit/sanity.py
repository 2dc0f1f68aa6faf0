"""A8: does the explanation depend on what was learned?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ml.audit.checks import Check, NotAvailableError, Threshold, Verdict
from ml.audit.graphs import graph_with_noise
from ml.audit.subject import Subject
from ml.evaluation.generalisation import SHUFFLED_LABELS

A8_LIKENESS = Threshold(goal=0.3, limit=0.6)
"""Rank correlation of class maps with and without what was learned; 0 is unrelated."""

A8_SHUFFLED = Threshold(goal=0.05, limit=0.10)
"""Balanced accuracy above chance after training on shuffled labels: more means that something leaks."""

CASCADE = {"last tenth of the layers": 0.1, "upper half": 0.5, "all layers": 1.0}
"""Share of the layers that lose what they have learned, from the output backwards (Adebayo 2018)."""

IMAGES = 64
SHUFFLES = 3


def sanity(subject: Subject) -> Check:
    """A8: with noise for weights the class maps must change; shuffled labels must give chance.

    The second needs a training: it is one of the subject's controls, or comes from the parent's audit, and
    is said to be missing else.
    """
    likeness = _cascade(subject)
    figure = likeness["all layers"]
    verdict = A8_LIKENESS.verdict(figure)
    shuffled, inherited = _shuffled(subject)
    meaning = (
        "A map that shows where a finding was seen must change when everything the network has learned is "
        f"replaced by noise; here the two are alike by {max(0.0, figure):.0%}. "
    )
    if shuffled is None:
        meaning += "Training on shuffled labels, the second half of this check, has not been done."
    else:
        above = shuffled["balanced_accuracy"] - shuffled["chance"]
        verdict = max(verdict, A8_SHUFFLED.verdict(above), key=_SEVERITY.index)
        meaning += (
            f"Trained on shuffled labels, the same recipe reached {shuffled['balanced_accuracy']:.0%} where "
            f"guessing gives {shuffled['chance']:.0%}"
            + (" (measured on the version that this one was trained on from)." if inherited else ".")
        )
    return Check(
        "A8",
        verdict,
        meaning,
        figure=figure,
        threshold=A8_LIKENESS,
        details={
            "n": min(IMAGES, len(subject.sample.films)),
            "likeness_after_noise_in": likeness,
            SHUFFLED_LABELS: shuffled if shuffled is not None else "not available: needs a training",
            "shuffled_labels_inherited": inherited,
        },
    )


_SEVERITY = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


def _cascade(subject: Subject) -> dict[str, float]:
    """Give the mean rank correlation of the predicted class's map, before and after noise."""
    step = max(1, len(subject.sample.films) // IMAGES)
    chosen = range(0, len(subject.sample.films), step)[:IMAGES]
    predicted = subject.sample.answers.predicted[chosen]
    maps = subject.sample.answers.class_maps[chosen]
    if maps.shape[1] * maps.shape[2] < 4:
        raise NotAvailableError("The class maps are too small to be compared.")
    tensors, _ = subject.network.tensors([subject.sample.films[i] for i in chosen])
    likeness = {}
    for number, (name, share) in enumerate(CASCADE.items()):
        subject.progress(f"noise in the {name}", number, len(CASCADE))
        values = []
        for shuffle in range(SHUFFLES):
            graph = graph_with_noise(subject.folder / "model.xml", share=share, seed=subject.seed + shuffle)
            noisy = graph(tensors)["class_maps"]
            values += [
                _rank_correlation(maps[i, :, :, k], noisy[i, :, :, k]) for i, k in enumerate(predicted)
            ]
        likeness[name] = round(float(np.mean(values)), 4)
    return likeness


def _rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Give Spearman's coefficient of two maps; a flat map is like no other."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)


def _shuffled(subject: Subject) -> tuple[dict[str, Any] | None, bool]:
    if own := subject.controls.get(SHUFFLED_LABELS):
        return dict(own), False
    parent = next((check for check in subject.parent.get("checks", ()) if check["code"] == "A8"), None)
    known = parent["details"].get(SHUFFLED_LABELS) if parent else None
    return (dict(known), True) if isinstance(known, dict) else (None, False)
