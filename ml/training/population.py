"""Whose images a side of the split holds, for the lineage and the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ml.datasets.manifest import ManifestRow
from ml.evaluation.subgroups import PARTITIONS


def population(rows: Sequence[ManifestRow], labels: Sequence[str]) -> dict[str, Any]:
    """Count rows, whose classes are `labels`, as values that JSON can hold.

    Keys: `images`, `groups` (patients with their near-duplicates), `by_class` (class to images), and
    `by_source`, `by_sex`, `by_age`, `by_view` (subgroup, to class, to images; what is not known is
    `unknown`).
    """
    counts: dict[str, Any] = {
        "images": len(rows),
        "groups": len({row.group for row in rows}),
        "by_class": dict(sorted(Counter(labels).items())),
    }
    for partition, name_of in PARTITIONS.items():
        pairs = Counter((name_of(row), label) for row, label in zip(rows, labels, strict=True))
        names = sorted({name for name, _ in pairs})
        counts[partition] = {
            name: {label: n for (of, label), n in sorted(pairs.items()) if of == name} for name in names
        }
    return counts
