"""The challenger beside the champion, drawn."""

from __future__ import annotations

from typing import Any

from apps.diagnosis.agreement import STEPS, Latency, ShadowSummary
from apps.portal.evaluation import COLOURS, DIAGONAL


def latency_chart(summary: ShadowSummary) -> dict[str, Any]:
    """Give a Chart.js configuration of both versions' milliseconds, step by step; empty without any."""
    if not summary.champion_ms:
        return {}
    series = (
        ("champion, median", DIAGONAL, "median", summary.champion_ms),
        ("challenger, median", COLOURS[0], "median", summary.challenger_ms),
        ("champion, 95th percentile", DIAGONAL + "66", "p95", summary.champion_ms),
        ("challenger, 95th percentile", COLOURS[0] + "66", "p95", summary.challenger_ms),
    )
    return {
        "type": "bar",
        "data": {
            "labels": list(STEPS),
            "datasets": [
                {
                    "label": label,
                    "backgroundColor": colour,
                    "data": [_figure(known.get(step), figure) for step in STEPS],
                }
                for label, colour, figure, known in series
            ],
        },
        "options": {
            "animation": False,
            "maintainAspectRatio": False,
            "scales": {"y": {"beginAtZero": True, "title": {"display": True, "text": "ms"}}},
        },
    }


def _figure(latency: Latency | None, name: str) -> float | None:
    return None if latency is None else float(getattr(latency, name))
