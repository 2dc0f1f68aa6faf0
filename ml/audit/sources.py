"""A1, A2, A6: is the source recognised instead of the disease?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from ml.audit.checks import Check, NotAvailableError, Threshold, inherited
from ml.audit.intervals import balanced_accuracy, group_interval
from ml.audit.probe import MIN_IMAGES, Probe, probe
from ml.audit.subject import Subject
from ml.contracts import Finding, FloatImage, findings_of
from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.generalisation import read_generalisation

A1_MARGIN = Threshold(goal=0.10, limit=0.0)
"""Balanced accuracy gained over a predictor that knows the source alone. One that gains nothing fails."""

A2_SOURCE_AUC = Threshold(goal=0.65, limit=0.95)
"""ML goal, and the point from where on the source is practically printed on every image.

Readable is not the same as used, and within a class sources differ in real things (children, stage of
the disease), so that there is a wide field for a warning.
"""

A6_GAP = Threshold(goal=0.05, limit=0.15)
"""COVID-19 AUC lost in a hospital not trained on; beyond the limit the figures at home say nothing."""


def better_than_source(subject: Subject) -> Check:
    """A1: hold the version beside a predictor that sees the name of the source and nothing else.

    It gives every image of a source the class whose images come from there most often, relative to the
    size of the class: the best that the source alone can do for balanced accuracy.
    """
    if len({row.source for row in subject.rows}) < 2:
        raise NotAvailableError("All images come from one source, so it cannot give a finding away.")
    if not subject.development and len(set(subject.groups)) < 2:
        raise NotAvailableError("All images belong to one patient; nothing is left to learn sources from.")
    k = len(subject.spec.labels)
    likelihoods = (
        _likelihoods(subject.development, subject.development_targets, subject.rows, k)
        if subject.development
        else _cross_fitted(subject, k)
    )
    by_source, by_version = likelihoods.argmax(axis=1), subject.answers.predicted
    margin = balanced_accuracy(subject.targets, by_version) - balanced_accuracy(subject.targets, by_source)
    interval = group_interval(
        subject.groups,
        lambda weights: (
            balanced_accuracy(subject.targets, by_version, weights)
            - balanced_accuracy(subject.targets, by_source, weights)
        ),
        seed=subject.seed,
    )
    source_accuracy = balanced_accuracy(subject.targets, by_source)
    return Check(
        "A1",
        A1_MARGIN.verdict(margin),
        f"Somebody who knows only which collection an image comes from, and never sees it, would name the "
        f"right finding with a balanced accuracy of {source_accuracy:.0%}; this version reaches "
        f"{source_accuracy + margin:.0%}. Only the difference can come from looking at the image.",
        figure=margin,
        interval=interval,
        threshold=A1_MARGIN,
        details={
            "balanced_accuracy": round(source_accuracy + margin, 4),
            "source_only_balanced_accuracy": round(source_accuracy, 4),
            "covid19_auroc": _covid19_auroc(subject, subject.answers.probabilities),
            "source_only_covid19_auroc": _covid19_auroc(subject, likelihoods),
            "fitted_on": "development folds" if subject.development else "other groups of the same images",
            "within_source": _within_sources(subject),
        },
    )


def source_hidden(subject: Subject) -> Check:
    """A2: read the source from the features by a linear probe, within one class at a time.

    Within a class the disease is the same, so whatever tells two sources apart is not the disease.
    """
    pairs = _source_pairs(subject, subject.embeddings)
    if not pairs:
        raise NotAvailableError(
            f"No finding has {MIN_IMAGES} images from each of two sources; nothing can be told apart."
        )
    auc = float(np.mean([pair.auc for pair in pairs.values()]))
    intervals = {name: pair.interval(seed=subject.seed) for name, pair in pairs.items()}
    from_probabilities = _source_pairs(subject, subject.answers.probabilities.astype(np.float32))
    return Check(
        "A2",
        A2_SOURCE_AUC.verdict(auc),
        f"From what the network keeps of an image, a simple test tells two hospitals with the same finding "
        f"apart in {auc:.0%} of all comparisons (50 % would be guessing). What is recognisable can be "
        "mistaken for the disease.",
        figure=auc,
        interval=(
            float(np.mean([low for low, _ in intervals.values()])),
            float(np.mean([high for _, high in intervals.values()])),
        ),
        threshold=A2_SOURCE_AUC,
        details={
            "pairs": {
                name: {
                    "auc": round(pair.auc, 4),
                    "interval": [round(end, 4) for end in intervals[name]],
                    "n": len(pair.truth),
                }
                for name, pair in pairs.items()
            },
            "mean_auc_from_probabilities": round(
                float(np.mean([pair.auc for pair in from_probabilities.values()])), 4
            ),
            "interval": "mean of the pairs' intervals",
        },
    )


def unseen_hospitals(subject: Subject) -> Check:
    """A6: what is lost on a source that training never saw, from `generalisation.json`.

    That needs trainings of its own, so it is read and not measured here; a fine-tune inherits it.
    """
    figures = read_generalisation(subject.folder)
    if figures is None:
        return inherited(
            "A6",
            subject.parent,
            "Nobody has trained this recipe with one source left out at a time; until then it is unknown how "
            "it does in a hospital that it has not seen.",
        )
    at_home = figures.get("same_sources", {}).get("covid19_auroc") or _covid19_auroc(
        subject, subject.answers.probabilities
    )
    away = figures.get("mean_covid19_auroc")
    if at_home is None or away is None:
        raise NotAvailableError("COVID-19 is not told from other images on sources that were left out.")
    gap = at_home - away
    sources = {
        name: given
        for name, given in figures["leave_one_source_out"].items()
        if given.get("covid19_auroc") is not None
    }
    worst = min(sources, key=lambda name: sources[name]["covid19_auroc"])
    return Check(
        "A6",
        A6_GAP.verdict(gap),
        f"COVID-19 is told from the rest with an AUC of {at_home:.2f} on sources the recipe was trained with "
        f"and of {away:.2f} on average on a source it never saw (worst: {worst}, "
        f"{sources[worst]['covid19_auroc']:.2f}). The second figure is the one to expect elsewhere.",
        figure=gap,
        threshold=A6_GAP,
        details={
            "same_sources_covid19_auroc": at_home,
            "mean_covid19_auroc": away,
            "leave_one_source_out": figures["leave_one_source_out"],
        },
    )


def _likelihoods(
    known: Sequence[ManifestRow], targets: Targets, asked: Sequence[ManifestRow], k: int
) -> Probabilities:
    """Give p(source | class), scaled to a sum of 1, for each asked row's source (n, k)."""
    counts = Counter((row.source, int(target)) for row, target in zip(known, targets, strict=True))
    totals = np.maximum(np.bincount(targets, minlength=k), 1)
    shares = np.array([[counts[row.source, i] / totals[i] for i in range(k)] for row in asked])
    sums = shares.sum(axis=1, keepdims=True)
    # A source that was never seen says nothing: every class is as likely.
    return np.where(sums > 0, shares / np.maximum(sums, 1e-12), 1.0 / k)


def _cross_fitted(subject: Subject, k: int) -> Probabilities:
    folds = min(5, len(set(subject.groups)))
    result = np.full((len(subject.rows), k), 1.0 / k)
    for fitted, asked in GroupKFold(folds).split(subject.rows, groups=subject.groups):
        rows = [[subject.rows[i] for i in side] for side in (fitted, asked)]
        result[asked] = _likelihoods(rows[0], subject.targets[fitted], rows[1], k)
    return result


def _covid19_auroc(subject: Subject, probabilities: Probabilities) -> float | None:
    covid19 = [Finding.COVID19 in findings_of(label, subject.spec.classes) for label in subject.spec.labels]
    truth = np.array(covid19)[subject.targets]
    if truth.all() or not truth.any():
        return None
    return round(float(roc_auc_score(truth, probabilities[:, covid19].sum(axis=1))), 4)


def _within_sources(subject: Subject) -> dict[str, dict[str, Any]]:
    """Measure the version inside each source, where knowing the source is worth nothing."""
    names = np.array([row.source for row in subject.rows])
    result = {}
    for name in sorted(set(names.tolist())):
        chosen = names == name
        classes = len(set(subject.targets[chosen].tolist()))
        if classes > 1:
            result[name or "unnamed"] = {
                "n": int(chosen.sum()),
                "balanced_accuracy": round(
                    balanced_accuracy(subject.targets[chosen], subject.answers.predicted[chosen]), 4
                ),
                "chance": round(1 / classes, 4),
            }
    return result


def _source_pairs(subject: Subject, features: FloatImage) -> Mapping[str, Probe]:
    """Probe every pair of sources within every class that has enough of both."""
    names = np.array([row.source for row in subject.rows])
    groups = np.array(subject.groups)
    pairs: dict[str, Probe] = {}
    for k, label in enumerate(subject.spec.labels):
        own = subject.targets == k
        for first, second in combinations(sorted(set(names[own].tolist())), 2):
            chosen = own & ((names == first) | (names == second))
            found = probe(
                features[chosen], names[chosen] == first, groups[chosen].tolist(), seed=subject.seed
            )
            if found is not None:
                pairs[f"{label}: {first} / {second}"] = found
    return pairs
