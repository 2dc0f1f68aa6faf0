"""What a newly built manifest holds, and what in it should make its maker think."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ml.datasets.building import DescribedImage

SHOWN = 20
"""Examples of each kind in the report."""
CONFOUNDED_SHARE = 0.9
"""A class of which one source gives so much can be told by its source."""
FEW_GROUPS = 25
"""A class with fewer groups has intervals too wide to say much."""

_Pair = tuple[int, int]


def manifest_report(
    images: Sequence[DescribedImage],
    rows: Sequence[Mapping[str, Any]],
    *,
    groups: Sequence[str],
    exact: Sequence[_Pair],
    near: Sequence[_Pair],
    in_conflict: Sequence[int],
    names: Sequence[str],
    unreadable: Mapping[str, str],
    left_aside: Mapping[str, int],
) -> dict[str, Any]:
    """Report on a manifest as values that JSON can hold.

    `images` are all that could be read, `rows` those that the manifest lists; pairs and `in_conflict` are
    positions in `images`, whose files are `names`.
    """
    report: dict[str, Any] = {
        "images": {"found": len(images) + len(unreadable), "listed": len(rows)},
        "groups": len({row["group"] for row in rows}),
        "counts": _counts(rows),
        "diversity": _diversity(rows),
        "duplicates": {
            "exact": _pairs_record(images, exact, names),
            "near": _pairs_record(images, near, names),
            "conflicts": [f"{names[i]} ({images[i].label})" for i in in_conflict],
            "groups_across_splits": _across(groups, (image.split for image in images)),
            "groups_across_sources": _across(groups, (image.source for image in images)),
        },
        "unreadable": dict(unreadable),
        "left_aside": dict(left_aside),
    }
    return report | {"warnings": _warnings(report, rows)}


def _counts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count images and groups by label, source and split."""
    keys = ("label", "source", "split")
    images = Counter(tuple(row[key] for key in keys) for row in rows)
    groups: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        groups[tuple(row[key] for key in keys)].add(row["group"])
    return [
        {**dict(zip(keys, key, strict=True)), "images": n, "groups": len(groups[key])}
        for key, n in sorted(images.items())
    ]


def _diversity(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "width": _quantiles([row["width"] for row in rows]),
        "height": _quantiles([row["height"] for row in rows]),
        "aspect": _quantiles([row["width"] / row["height"] for row in rows]),
        "sex": dict(Counter(row["sex"] or "unknown" for row in rows).most_common()),
        "view": dict(Counter(row["view"] or "unknown" for row in rows).most_common()),
        "age": _quantiles([float(row["age"]) for row in rows if row["age"]]),
        "age_unknown": sum(not row["age"] for row in rows),
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    names = ("min", "p25", "median", "p75", "max")
    quantiles = np.quantile(values, (0, 0.25, 0.5, 0.75, 1)).tolist()
    return {name: round(value, 3) for name, value in zip(names, quantiles, strict=True)}


def _pairs_record(
    images: Sequence[DescribedImage], pairs: Sequence[_Pair], names: Sequence[str]
) -> dict[str, Any]:
    def differing(attribute: str) -> int:
        return sum(getattr(images[a], attribute) != getattr(images[b], attribute) for a, b in pairs)

    across = differing("label")
    return {
        "pairs": len(pairs),
        "within_labels": len(pairs) - across,
        "across_labels": across,
        "across_splits": differing("split"),
        "across_sources": differing("source"),
        "examples": [[names[a], names[b]] for a, b in pairs[:SHOWN]],
    }


def _across(groups: Sequence[str], sides: Iterable[str]) -> int:
    """Count the groups that have images on more than one side."""
    seen: dict[str, set[str]] = defaultdict(set)
    for group, side in zip(groups, sides, strict=True):
        seen[group].add(side)
    return sum(len(one) > 1 for one in seen.values())


def _warnings(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in sentences what a person should know before training on these images."""
    warnings: list[str] = []
    duplicates = report["duplicates"]
    if leaking := duplicates["groups_across_splits"]:
        warnings.append(
            f"{leaking} groups (patients or near-duplicates) stand in more than one of the collection's own "
            "splits: results on those splits would be too good. Use the manifest's folds."
        )
    if conflicts := len(duplicates["conflicts"]):
        warnings.append(f"{conflicts} images are copies or near-duplicates of one with another label.")
    if unreadable := len(report["unreadable"]):
        warnings.append(f"{unreadable} files cannot be read and are not listed.")
    sources: dict[str, Counter[str]] = defaultdict(Counter)
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        sources[row["label"]][row["source"]] += 1
        groups[row["label"]].add(row["group"])
    lone = [
        f"{label} ({counts.most_common(1)[0][0]})"
        for label, counts in sorted(sources.items())
        if max(counts.values()) >= CONFOUNDED_SHARE * counts.total()
    ]
    if len({row["source"] for row in rows}) > 1 and lone:
        warnings.append(
            f"Nearly all images of these labels come from one source: {', '.join(lone)}. A model can tell "
            "them by where they come from; look at the audit before believing a figure."
        )
    warnings += [
        f"{label} has only {len(found)} groups; expect wide intervals."
        for label, found in sorted(groups.items())
        if len(found) < FEW_GROUPS
    ]
    if len(groups) < 2:
        warnings.append("Only one label is there; training needs at least two.")
    if any(row["fold"] == "" for row in rows):
        warnings.append("There are fewer groups than folds: no fold was given.")
    if not all(row["licence"] for row in rows):
        warnings.append("The licence of some images is not stated; give --licence.")
    return warnings
