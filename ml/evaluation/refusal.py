"""How much the fitness gate refuses, by kind of image and by group of radiographs, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from ml.datasets.labels import OUT_OF_DISTRIBUTION_PREFIX
from ml.datasets.manifest import ManifestRow
from ml.datasets.view_examples import GOOD, ViewExamples

CONFIDENCE = 0.95
ADULT_YEARS = 18

_WHOLES = {"good": "good", "real_unfit": "unfit, real", "unfit": "unfit, all"}
_PARTS = {
    "good_by_source": "good, ",
    "good_by_label": "good, ",
    "good_by_sex": "good, ",
    "good_by_age": "good, ",
    "unfit_by_kind": "",
}


def share_refused(refused: NDArray[np.bool_]) -> dict[str, Any]:
    """Give n, how many were refused, the share and its Wilson interval; both None of nothing."""
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


def refusal_figures(
    refused: NDArray[np.bool_], examples: ViewExamples, rows: Sequence[ManifestRow]
) -> dict[str, Any]:
    """Tell what was refused of good radiographs and of every kind of unfit image.

    `rows` are the manifest rows of the good ones, in their order: a gate that refuses the sick, or
    children, more often than others does harm that no overall figure shows. `balanced_accuracy` is over
    real unfit images alone, and over all of them.
    """
    good = examples.kinds == GOOD
    real = np.array([str(kind).startswith(OUT_OF_DISTRIBUTION_PREFIX) for kind in examples.kinds], np.bool_)
    kept = refused[good]
    figures = {
        "good": share_refused(kept),
        "good_by_source": shares_by(kept, [row.source for row in rows]),
        "good_by_label": shares_by(kept, [row.label for row in rows]),
        "good_by_sex": shares_by(kept, [row.sex for row in rows]),
        "good_by_age": shares_by(kept, [_age_group(row.age) for row in rows]),
        "unfit": share_refused(refused[~good]),
        "real_unfit": share_refused(refused[real]),
        "unfit_by_kind": shares_by(refused[~good], examples.kinds[~good].tolist()),
    }
    figures["balanced_accuracy"] = {
        name: _balanced(figures["good"], figures[name]) for name in ("unfit", "real_unfit")
    }
    return figures


def as_markdown(figures: Mapping[str, Any]) -> str:
    """Write figures as one Markdown table, and the balanced accuracies below it."""
    lines = ["| images | n | refused | share | 95 % |", "|---|---|---|---|---|"]
    lines += [_line(title, figures[name]) for name, title in _WHOLES.items() if figures[name]["n"]]
    for name, title in _PARTS.items():
        lines += [_line(f"{title}{part}", shares) for part, shares in figures[name].items()]
    lines += ["", f"Balanced accuracy: {figures['balanced_accuracy']}"]
    return "\n".join(lines)


def _line(name: str, shares: Mapping[str, Any]) -> str:
    low, high = shares["interval"]
    share = f"{shares['refused']:.1%}"
    return f"| {name} | {shares['n']} | {shares['count']} | {share} | {low:.1%} to {high:.1%} |"


def _age_group(age: str) -> str:
    years = age.rstrip("Yy").lstrip("0")
    if not years.replace(".", "", 1).isdigit():
        return ""
    return "children" if float(years) < ADULT_YEARS else "adults"


def _balanced(good: Mapping[str, Any], unfit: Mapping[str, Any]) -> float | None:
    if not good["n"] or not unfit["n"]:
        return None
    return round(float(1 - good["refused"] + unfit["refused"]) / 2, 4)
