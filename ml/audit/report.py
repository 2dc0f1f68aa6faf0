"""An audit as one HTML file: no script, nothing from the network, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

WORDS = {
    "pass": "passed",
    "warn": "warning",
    "fail": "failed",
    "not_available": "not available",
    "inherited": "inherited",
}
SYMBOLS = {"pass": "✓", "warn": "△", "fail": "✕", "not_available": "–"}
"""So that nobody needs colour to tell verdicts apart."""

WIDTH, EDGE = 400.0, 10.0


def audit_html(audit: Mapping[str, Any], *, title: str = "") -> str:
    """Give what `audit_version` found as a page to read or print; `title` names the version."""
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.globals |= {
        "words": WORDS,
        "symbols": SYMBOLS,
        "shown": _shown,
        "goal": _goal,
        "scale_of": _scale,
    }
    return environment.get_template("report.html").render(audit=audit, title=title or audit["model"]["name"])


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _goal(check: Mapping[str, Any]) -> str:
    """Write a check's goal with its direction."""
    if check["threshold"] is None:
        return "–"
    return f"{'≤' if check['threshold'] <= check['fails_beyond'] else '≥'} {check['threshold']:.3f}"


def _scale(check: Mapping[str, Any]) -> dict[str, Any]:
    """Place a check's figure, interval, goal and limit on a line of `WIDTH` that starts at 0 or below."""
    interval = check["interval"] or []
    values: list[float] = [check["figure"], check["threshold"], check["fails_beyond"], *interval]
    low = min(0.0, *values)
    high = low + max(1.15 * (max(values) - low), 1e-3)

    def place(value: float) -> float:
        return round(EDGE + WIDTH * (value - low) / (high - low), 1)

    return {
        "figure": place(check["figure"]),
        "goal": place(check["threshold"]),
        "limit": place(check["fails_beyond"]),
        "interval": [place(end) for end in interval],
        "low": low,
        "high": high,
    }
