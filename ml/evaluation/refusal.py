"""How much the fitness gate refuses, by kind of image and by group of radiographs, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

CONFIDENCE = 0.95


def share_refused(refused: NDArray[np.bool_]) -> dict[str, Any]:
    """Give n, how many were refused, the share, and its Wilson interval (None of nothing)."""
    n, count = len(refused), int(refused.sum())
    if not n:
        return {"n": 0, "count": 0, "refused": None, "interval": None}
    low, high = binomtest(count, n).proportion_ci(CONFIDENCE, method="wilson")
    return {
        "n": n,
        "count": count,
        "refused": round(count / n, 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


def shares_by(refused: NDArray[np.bool_], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give `share_refused` for every name, in alphabetical order; empty names are left out."""
    labels = np.array(names, dtype=str)
    return {str(name): share_refused(refused[labels == name]) for name in np.unique(labels) if name}


def balanced_accuracy(good_refused: float, unfit_refused: float) -> float:
    """Give the mean of the share of good images kept and of unfit images refused."""
    return round((1 - good_refused + unfit_refused) / 2, 4)


def as_markdown(title: str, shares: Mapping[str, Mapping[str, Any]]) -> str:
    """Write shares as a Markdown table."""
    lines = [f"| {title} | n | refused | share | 95 % |", "|---|---|---|---|---|"]
    for name, figures in shares.items():
        if figures["n"]:
            low, high = figures["interval"]
            lines.append(
                f"| {name} | {figures['n']} | {figures['count']} | {figures['refused']:.1%} "
                f"| {low:.1%} to {high:.1%} |"
            )
    return "\n".join(lines)
