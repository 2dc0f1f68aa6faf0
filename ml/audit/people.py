"""A11, A12: is it as good for everybody, and does it take age for a disease?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.audit.checks import Check, NotAvailableError, Threshold, Verdict
from ml.audit.intervals import difference_interval, proportion_interval
from ml.audit.probe import MIN_IMAGES, Probe, probe
from ml.audit.subject import Subject
from ml.datasets.manifest import ManifestRow
from ml.evaluation.subgroups import AGE_BANDS, UNKNOWN, age_band, sex_name, view_name
from ml.training.card import PAEDIATRIC_SOURCES

A11_AGE_AUC = Threshold(goal=0.65, limit=0.95)
"""Children told from adults within one finding, as for sources in A2."""

A12_GAP = 0.10
"""Difference in sensitivity between two groups of patients that may not be exceeded."""

CHILD, ADULT = "children", "adults"
CHILD_BAND = AGE_BANDS[0][1]
ONE_SIDED = 0.95
"""Share of a finding's images from one age group from where on age alone gives the finding away."""


def children_and_adults(subject: Subject) -> Check:
    """A11: read from the features whether a patient is a child, within one finding.

    It fails only where, besides, some finding was learned from one age group alone: then age is a
    shortcut to it. Where ages are not stated the source speaks for them, and the two cannot be parted.
    """
    ages = np.array([_generation(row) for row in subject.rows])
    probes = _age_probes(subject, ages)
    if not probes:
        raise NotAvailableError(
            f"No finding has {MIN_IMAGES} images of children and of adults; ages cannot be compared."
        )
    auc = float(np.mean([one.auc for one in probes.values()]))
    intervals = [one.interval(seed=subject.seed) for one in probes.values()]
    one_sided = _one_sided_findings(subject)
    verdict = A11_AGE_AUC.verdict(auc)
    if verdict == Verdict.FAIL and not one_sided:
        verdict = Verdict.WARN
    given_away = (
        f" Nearly all images of {', '.join(one_sided)} come from one age group, so age alone can "
        "give the finding away: for the other group it is untested."
        if one_sided
        else ""
    )
    return Check(
        "A11",
        verdict,
        f"From what the network keeps of an image, children are told from adults with the same finding in "
        f"{auc:.0%} of all comparisons (50 % would be guessing).{given_away}",
        figure=auc,
        interval=(
            float(np.mean([low for low, _ in intervals])),
            float(np.mean([high for _, high in intervals])),
        ),
        threshold=A11_AGE_AUC,
        details={
            "by_finding": {
                label: {"auc": round(one.auc, 4), "n": len(one.truth)} for label, one in probes.items()
            },
            "findings_of_one_age_group": one_sided,
            "age_known_by": dict(
                Counter("source" if age_band(row.age) == UNKNOWN else "age" for row in subject.rows)
            ),
            "sensitivity": _sensitivities(subject, ages.tolist()),
        },
    )


def equal_sensitivity(subject: Subject) -> Check:
    """A12: compare every finding's sensitivity between sexes, ages and views.

    The verdict rests on the largest gap between two groups of at least `MIN_IMAGES` images: within
    `A12_GAP` it passes, and it fails where even the gap's interval lies beyond. It is the largest of
    several comparisons, so chance alone makes it look large.
    """
    found: dict[str, Any] = {}
    gaps: list[tuple[float, tuple[float, float], str]] = []
    for attribute, value_of in ATTRIBUTES.items():
        table = _sensitivities(subject, [value_of(row) for row in subject.rows])
        found[attribute] = table
        for label, groups in table.items():
            for first, second in combinations(groups, 2):
                gaps.append(_gap(attribute, label, first, groups[first], second, groups[second]))
    if not gaps:
        raise NotAvailableError(
            f"No finding has {MIN_IMAGES} images in each of two groups by sex, age or view; the manifest "
            "states these for too few images."
        )
    gap, interval, where = max(gaps)
    if gap <= A12_GAP:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.FAIL if interval[0] > A12_GAP else Verdict.WARN
    return Check(
        "A12",
        verdict,
        f"The largest difference between two groups of patients is {gap:.0%} ({where}), 95 % interval "
        f"{interval[0]:.0%} to {interval[1]:.0%}, of {len(gaps)} comparisons. A finding should not be missed "
        "more often in one group than in another.",
        figure=gap,
        interval=interval,
        threshold=Threshold(A12_GAP, A12_GAP),
        details={"sensitivity": found, "comparisons": len(gaps), "fails": "when the interval lies beyond"},
    )


def _gap(
    attribute: str,
    label: str,
    first: str,
    one: Mapping[str, Any],
    second: str,
    other: Mapping[str, Any],
) -> tuple[float, tuple[float, float], str]:
    """Give the larger sensitivity minus the smaller one, its interval, and what was compared."""
    if one["sensitivity"] < other["sensitivity"]:
        first, one, second, other = second, other, first, one
    interval = difference_interval((one["hits"], one["n"]), (other["hits"], other["n"]))
    return (
        one["sensitivity"] - other["sensitivity"],
        interval,
        f"{label} by {attribute}: {first} against {second}",
    )


def _sensitivities(subject: Subject, values: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Give each finding's sensitivity per group with Wilson's interval, for groups that are large enough."""
    names = np.array(values)
    correct = subject.answers.predicted == subject.targets
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for k, label in enumerate(subject.spec.labels):
        for name in sorted(set(names.tolist()) - {UNKNOWN}):
            own = (subject.targets == k) & (names == name)
            n, hits = int(own.sum()), int(correct[own].sum())
            if n >= MIN_IMAGES:
                result.setdefault(label, {})[name] = {
                    "n": n,
                    "hits": hits,
                    "sensitivity": round(hits / n, 4),
                    "interval": [round(end, 4) for end in proportion_interval(hits, n)],
                }
    return result


def _age_probes(subject: Subject, ages: NDArray[np.str_]) -> dict[str, Probe]:
    groups = np.array(subject.groups)
    probes = {}
    for k, label in enumerate(subject.spec.labels):
        chosen = (subject.targets == k) & (ages != UNKNOWN)
        found = probe(
            subject.embeddings[chosen], ages[chosen] == CHILD, groups[chosen].tolist(), seed=subject.seed
        )
        if found is not None:
            probes[label] = found
    return probes


def _one_sided_findings(subject: Subject) -> list[str]:
    """Name the findings learned from one age group alone, where others were learned from the other too."""
    rows, targets = subject.development, subject.development_targets
    if not rows:
        rows, targets = subject.rows, subject.targets
    ages = np.array([_generation(row) for row in rows])
    sides: dict[str, str] = {}
    for k, label in enumerate(subject.spec.labels):
        known = ages[(targets == k) & (ages != UNKNOWN)]
        counts = Counter(known.tolist()).most_common(1)
        if len(known) >= MIN_IMAGES and counts[0][1] >= ONE_SIDED * len(known):
            sides[label] = counts[0][0]
    return sorted(sides) if set(ages.tolist()) >= {CHILD, ADULT} else []


def _generation(row: ManifestRow) -> str:
    """Tell children from adults by age, else by source.

    A named source that is not known to hold children counts as adults': public collections of
    children say so.
    """
    band = age_band(row.age)
    if band != UNKNOWN:
        return CHILD if band == CHILD_BAND else ADULT
    if not row.source:
        return UNKNOWN
    return CHILD if row.source in PAEDIATRIC_SOURCES else ADULT


def _age_group(row: ManifestRow) -> str:
    """Give the band of a stated age; sources that hold only children need not state it."""
    band = age_band(row.age)
    return CHILD_BAND if band == UNKNOWN and row.source in PAEDIATRIC_SOURCES else band


ATTRIBUTES: Mapping[str, Callable[[ManifestRow], str]] = {
    "sex": lambda row: sex_name(row.sex),
    "age": _age_group,
    "view": lambda row: view_name(row.view),
}
