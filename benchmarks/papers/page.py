"""A reproduction as a short Markdown page, everything taken from the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def as_markdown(result: Mapping[str, Any]) -> str:
    """Write a result of `benchmarks.papers.measuring.reproduce`, with the command that made it."""
    folds, published, lineage = result["folds"], result["published"], result["lineage"]
    intervals = result["intervals"]
    reached = [
        ("accuracy, all images", result["accuracy"], intervals["accuracy"], published["accuracy"]),
        ("accuracy, mean of the folds", result["mean_of_folds"], None, published["accuracy"]),
        ("balanced accuracy", result["balanced_accuracy"], intervals["balanced_accuracy"], None),
        ("macro F1", result["macro_f1"], intervals["macro_f1"], None),
        ("ECE", result["ece"], intervals["ece"], None),
    ]
    sections = [
        f"# {result['title']}{' — LEAKY' if result['leaky'] else ''}",
        result["protocol"],
        f"{result['n']:,} images of {result['groups']:,} patients; "
        f"{result['patients_on_both_sides']:.1%} of them have a patient who is in another fold too. "
        f"Folds measured: {_listed(folds['measured'])} of {folds['of']}.",
        _table(
            ("figure", "reached", "95 % by patients", "published"),
            [(name, _shown(value), _interval(ends), _shown(other)) for name, value, ends, other in reached],
        ),
        f"Published: {published['citation'] or '–'}. {published['protocol']}",
        _table(
            ("fold", "images", "accuracy", "95 % by patients"),
            [
                (fold, f"{part['n']:,}", _shown(part["accuracy"]), _interval(part["interval"]))
                for fold, part in result["per_fold"].items()
            ],
        ),
        _table(
            ("class", "images", "sensitivity", "specificity", "precision", "F1", "AUROC"),
            [
                (
                    label,
                    f"{part['n']:,}",
                    *(
                        f"{_shown(part[name]['value'])} ({_interval(part[name]['interval'])})"
                        for name in ("sensitivity", "specificity", "precision", "f1", "auroc")
                    ),
                )
                for label, part in result["per_class"].items()
            ],
        ),
        _table(
            ("true, down; called, across", *result["confusion"]),
            [(label, *(f"{n:,}" for n in row.values())) for label, row in result["confusion"].items()],
        ),
        f"`{result['command']}`",
        f"{lineage['finished_at']}, {lineage['wall_seconds'] / 60:.0f} minutes on "
        f"{lineage['hardware']['cores']} cores ({lineage['hardware']['processor']}), code "
        f"{lineage['code_commit'] or 'not in version control'}. Settings, packages and manifests by SHA-256 "
        "are in the JSON file beside this page.",
    ]
    return "\n\n".join(sections) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(ends: Sequence[float] | None) -> str:
    return "–" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _listed(folds: Sequence[int]) -> str:
    return ", ".join(str(fold) for fold in folds)
