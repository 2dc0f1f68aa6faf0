"""An evaluation as one HTML file that needs nothing else: to read, to print, to send."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.evaluation import plots
from ml.evaluation.generalisation import three_views
from ml.evaluation.subgroups import ENOUGH_IMAGES, PARTITIONS

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = "evaluation.html.jinja"

Report = Mapping[str, Any]

_NO_BREAK = "\N{NO-BREAK SPACE}"


def evaluation_page(report: Report) -> str:
    """Give the HTML page of an `evaluation_report`.

    It may also hold `model`, `manifest` (`name`, `sha256`, `fold`) and `three_views`. No script, nothing
    from the network: style and drawings are in the page.
    """
    labels = list(report["per_class"])
    views = report.get("three_views") or three_views(report, None)
    partitions = {key.removeprefix("by_"): report[key] for key in PARTITIONS}
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            report=report,
            model=report.get("model"),
            manifest=report.get("manifest"),
            labels=labels,
            views=views,
            intervals=report["intervals"],
            partitions=partitions,
            enough=ENOUGH_IMAGES,
            summary=summary({**report, "three_views": views}),
            drawings={
                "confusion": plots.confusion_matrix(report),
                "roc": plots.roc_curves(report),
                "precision_recall": plots.precision_recall_curves(report),
                "reliability": plots.reliability_diagram(report),
                "class_reliability": plots.class_reliability_diagram(report),
                "risk_coverage": plots.risk_coverage_curve(report),
                "three_views": plots.three_views_plot(views),
                "forest": {name: plots.forest(name, groups, labels) for name, groups in partitions.items()},
            },
        )
    )


def summary(report: Report) -> list[str]:
    """Say in a few sentences what the figures mean, the uncomfortable ones too. Needs `three_views`."""
    intervals, coverage = report["intervals"], report["coverage"]
    sentences = [
        f"On {report['n']:,} radiographs of {report['groups']:,} patients, the most probable finding was "
        f"right for {percent(report['accuracy'], intervals.get('accuracy'))}; averaged so that every finding "
        f"counts alike, for {percent(report['balanced_accuracy'], intervals.get('balanced_accuracy'))}."
    ]
    found = {
        label: figures["sensitivity"]
        for label, figures in report["per_class"].items()
        if figures["sensitivity"] is not None
    }
    weakest = min(found, key=lambda label: found[label])
    sentences.append(
        f"The weakest finding is {worded(weakest)}: it was the most probable one for "
        f"{percent(found[weakest], intervals.get(f'sensitivity_{weakest}'))} of the images that have it."
    )
    answered = coverage["accuracy_of_single_findings"]
    sentences.append(
        f"The product names a finding for {percent(coverage['single_finding'])} of the images"
        + (f", and is right for {percent(answered)} of those" if answered is not None else "")
        + "; all others are called inconclusive."
    )
    sentences.append(
        f"A stated probability is off by {100 * report['ece']:.1f} points on average (expected calibration "
        "error)."
    )
    return [*sentences, _elsewhere(report["three_views"])]


def _elsewhere(views: Report) -> str:
    if views["not_available"]:
        return f"How it does on a source that it never saw is {views['not_available']}"
    mean, same = views["mean_covid19_auroc"], views["same_sources"]["covid19_auroc"]
    if mean is None or same is None:
        return "How well COVID-19 is recognised on a source that it never saw is not known."
    return (
        f"On sources left out of training the AUROC of COVID-19 is {mean:.3f} on average, against "
        f"{same:.3f} on the sources that it knows: expect the former in another hospital."
    )


def percent(share: float | None, interval: list[float] | None = None, digits: int = 1) -> str:
    """Write a share as `84.1 % (82.4 to 85.7)`; a dash where there is none."""
    if share is None:
        return "–"
    if interval is None:
        return f"{100 * share:.{digits}f}{_NO_BREAK}%"
    low, high = (f"{100 * bound:.{digits}f}" for bound in interval)
    return f"{percent(share, digits=digits)} ({low}{_NO_BREAK}to{_NO_BREAK}{high})"


def decimal(value: float | None, interval: list[float] | None = None) -> str:
    """Write a value as `0.982 (0.976 to 0.986)`; a dash where there is none."""
    if value is None:
        return "–"
    if interval is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f}{_NO_BREAK}to{_NO_BREAK}{interval[1]:.3f})"


def worded(name: str) -> str:
    """Write a label or a key as words."""
    return name.replace("_", " ")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"percent": percent, "decimal": decimal, "worded": worded})
    return environment
