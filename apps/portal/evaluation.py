"""What was measured of model versions, side by side: figures, curves, confusion, audit, comparison.

An evaluation may have come with a stranger's archive, so nothing in it is taken for granted: what is not of
the expected form is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.portal.wording import finding_name, percent
from apps.registry.models import ModelVersion

COLOURS = ("#1f6feb", "#d1495b", "#2a9d5c", "#c77d0a", "#7b5cd6", "#3a8ea5", "#8a6d3b")
DASHES: tuple[list[int], ...] = ([], [6, 4], [2, 3])
"""Findings differ by colour, versions by dash."""
DIAGONAL = "#8a97a4"

_FIGURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "coverage": "Coverage of the prediction set",
    "ece": "Calibration error (less is better)",
    "brier": "Brier score (less is better)",
}


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of every version: `value`, and `interval` in words or empty."""

    name: str
    cells: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each finding (rows) was called what (columns)."""

    version: ModelVersion
    labels: list[str]
    rows: list[tuple[str, list[int]]]


def figure_rows(versions: Sequence[ModelVersion]) -> list[FigureRow]:
    """Return every figure that at least one of the versions has, with its 95 % interval."""
    rows = [
        FigureRow(name, [_figure(version, key) for version in versions]) for key, name in _names(versions)
    ]
    return [row for row in rows if any(value for value, _ in row.cells)]


def charts_of(versions: Sequence[ModelVersion]) -> dict[str, dict[str, Any]]:
    """Give Chart.js configurations of the versions' curves, by name; one that nobody has is left out."""
    charts = {
        "roc": _chart(
            "1 − specificity",
            "sensitivity",
            [_line(name, points, place, dash) for name, points, place, dash in _rocs(versions)],
        ),
        "reliability": _chart(
            "stated probability",
            "observed share",
            [
                _line(str(version), points, place, 0)
                for place, version in enumerate(versions)
                if (points := _reliability(version))
            ],
        ),
        "risk_coverage": _chart(
            "share of images answered",
            "errors among them",
            [
                _line(str(version), points, place, 0)
                for place, version in enumerate(versions)
                if (points := _pairs(version.evaluation.get("risk_coverage"), "coverage", "risk"))
            ],
            diagonal=False,
        ),
    }
    return {name: chart for name, chart in charts.items() if chart}


def confusions_of(versions: Sequence[ModelVersion]) -> list[Confusion]:
    """Return the confusion matrices of the versions that have one."""
    return [confusion for version in versions if (confusion := _confusion(version))]


def audit_checks(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the checks of a version's audit made here, each a mapping with text under every key shown."""
    return [
        {
            "code": check.get("code", ""),
            "name": check.get("name", ""),
            "verdict": str(check.get("verdict", "")).replace("_", " "),
            "figure": _number(check.get("figure")),
            "interval": _interval(check.get("interval")),
            "meaning": check.get("meaning", ""),
        }
        for check in version.audit.get("checks", ())
    ]


def comparison_rows(version: ModelVersion) -> list[dict[str, Any]]:
    """Return how a version did against the champion, figure by figure."""
    return [
        {
            "metric": finding_name(str(row.get("metric", ""))),
            "candidate": _number(row.get("candidate")),
            "champion": _number(row.get("champion")),
            "difference": _number(row.get("difference")),
            "interval": _interval(row.get("interval")),
            "verdict": row.get("verdict", ""),
        }
        for row in version.comparison.get("rows", ())
    ]


def _names(versions: Sequence[ModelVersion]) -> list[tuple[str, str]]:
    labels = list(dict.fromkeys(label for version in versions for label in version.labels))
    per_label = [
        (f"{key}_{label}", f"{name} · {finding_name(label)}")
        for key, name in (("sensitivity", "Sensitivity"), ("specificity", "Specificity"), ("auroc", "AUROC"))
        for label in labels
    ]
    return [*_FIGURES.items(), ("auroc_macro", "AUROC, mean of findings"), *per_label]


def _figure(version: ModelVersion, key: str) -> tuple[str, str]:
    evaluation: Mapping[str, Any] = version.evaluation
    name, _, label = key.partition("_")
    value: Any = evaluation.get(key)
    if name == "auroc":
        value = _inside(evaluation, "auroc", label)
    elif name in ("sensitivity", "specificity"):
        value = _inside(evaluation, "per_class", label, name)
    elif key == "coverage":
        value = _inside(evaluation, "coverage", "overall")
    is_share = name not in ("ece", "brier", "auroc")
    if not _is_number(value):
        return "", ""
    return (percent(float(value)) if is_share else f"{value:.3f}"), _interval(
        _inside(evaluation, "intervals", key), as_percent=is_share
    )


def _inside(value: object, *keys: str) -> Any:
    """Follow keys into nested mappings; None where one is missing or something else."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> str:
    return f"{value:.3f}" if _is_number(value) else "–"


def _interval(value: Any, *, as_percent: bool = False) -> str:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_number, value)):
        return ""
    low, high = value
    return f"{percent(low)} to {percent(high)}" if as_percent else f"{low:.3f} to {high:.3f}"


def _pairs(value: object, x: str, y: str) -> list[dict[str, float]]:
    """Return the points of a curve kept as two lists; empty when it is none."""
    first, second = _inside(value, x), _inside(value, y)
    if not isinstance(first, list) or not isinstance(second, list):
        return []
    return [{"x": a, "y": b} for a, b in zip(first, second, strict=False) if _is_number(a) and _is_number(b)]


def _rocs(versions: Sequence[ModelVersion]) -> Iterator[tuple[str, list[dict[str, float]], int, int]]:
    labels = list(dict.fromkeys(label for version in versions for label in version.labels))
    for dash, version in enumerate(versions):
        for place, label in enumerate(labels):
            curve = _inside(version.evaluation, "curves", label, "roc")
            if points := _pairs(curve, "false_positive_rate", "sensitivity"):
                name = finding_name(label)
                yield f"{version} {name}" if len(versions) > 1 else name, points, place, dash


def _reliability(version: ModelVersion) -> list[dict[str, float]]:
    bins = version.evaluation.get("reliability")
    if not isinstance(bins, list):
        return []
    pairs = [(_inside(bin_, "confidence"), _inside(bin_, "accuracy")) for bin_ in bins]
    return [{"x": a, "y": b} for a, b in pairs if _is_number(a) and _is_number(b)]


def _confusion(version: ModelVersion) -> Confusion | None:
    labels = list(version.labels)
    counts = [
        [_inside(version.evaluation, "confusion", true, called) for called in labels] for true in labels
    ]
    if not labels or not all(isinstance(count, int) for row in counts for count in row):
        return None
    names = [finding_name(label) for label in labels]
    return Confusion(version, names, list(zip(names, counts, strict=True)))


def _line(name: str, points: list[dict[str, float]], place: int, dash: int) -> dict[str, Any]:
    colour = COLOURS[place % len(COLOURS)]
    return {
        "label": name,
        "data": points,
        "borderColor": colour,
        "backgroundColor": colour,
        "borderDash": DASHES[dash % len(DASHES)],
        "borderWidth": 2,
        "pointRadius": 0 if len(points) > 20 else 3,
    }


def _chart(x: str, y: str, lines: list[dict[str, Any]], *, diagonal: bool = True) -> dict[str, Any]:
    """Give a configuration with both axes from 0 to 1; empty without lines."""
    if not lines:
        return {}
    even = {
        "label": "no better than chance" if x.startswith("1") else "as stated",
        "data": [{"x": 0, "y": 0}, {"x": 1, "y": 1}],
        "borderColor": DIAGONAL,
        "borderWidth": 1,
        "pointRadius": 0,
    }
    scales = {
        axis: {"type": "linear", "min": 0, "max": 1, "title": {"display": True, "text": text}}
        for axis, text in (("x", x), ("y", y))
    }
    if not diagonal:
        del scales["y"]["max"]
    return {
        "type": "line",
        "data": {"datasets": [*lines, even] if diagonal else lines},
        "options": {"animation": False, "maintainAspectRatio": False, "scales": scales},
    }
