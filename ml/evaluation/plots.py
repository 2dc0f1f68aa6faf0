"""The drawings of the evaluation page, each from the report's own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ml.evaluation.drawing import COLOURS, DASHES, GREY, INK, inline_svg

Report = Mapping[str, Any]


def reliability_diagram(report: Report) -> Markup:
    """Draw accuracy against confidence with intervals, and how many images each bin holds."""
    bins = report["reliability"]

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _diagonal(upper)
        confidence = [row["confidence"] for row in bins]
        with_interval = [row for row in bins if row["interval"]]
        upper.vlines(
            [row["confidence"] for row in with_interval],
            [row["interval"][0] for row in with_interval],
            [row["interval"][1] for row in with_interval],
            color=COLOURS[0],
        )
        upper.plot(confidence, [row["accuracy"] for row in bins], "o-", color=COLOURS[0], markersize=4)
        upper.set(ylabel="right", ylim=(0, 1.02))
        lower.bar(confidence, [row["n"] for row in bins], width=0.04, color=GREY)
        lower.set(xlabel="confidence of the most probable finding", ylabel="images", xlim=(0, 1.02))
        _percent(upper.yaxis, lower.xaxis)

    return inline_svg(
        draw,
        size=(4.2, 4.2),
        name="reliability",
        title="Reliability diagram",
        description="Share of right answers against stated confidence. On the diagonal, both are equal. "
        f"Expected calibration error {report['ece']:.3f}.",
    )


def class_reliability_diagram(report: Report) -> Markup:
    """Draw each finding's observed share against its stated probability."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _diagonal(axes)
        for number, (label, curves) in enumerate(report["curves"].items()):
            curve = curves["reliability"]
            axes.plot(curve["stated"], curve["observed"], label=_worded(label), **_line(number))
        axes.set(xlabel="stated probability", ylabel="share that has it", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="upper left")
        _percent(axes.xaxis, axes.yaxis)

    return inline_svg(
        draw,
        size=(4.2, 4.2),
        name="class-reliability",
        title="Reliability of each finding's probability",
        description="Share of images that have a finding against the probability stated for it.",
    )


def confusion_matrix(report: Report) -> Markup:
    """Draw the confusion matrix: counts, shaded by the share of the true finding."""
    labels = list(report["confusion"])
    counts = np.array([[report["confusion"][true][called] for called in labels] for true in labels])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        places, words = range(len(labels)), [_worded(label) for label in labels]
        axes.pcolormesh(places, places, shares, cmap="Blues", vmin=0, vmax=1)  # vectors; imshow makes a PNG
        axes.invert_yaxis()
        axes.set_aspect("equal")
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
        axes.set_xticks(places, words, rotation=30, ha="right")
        axes.set_yticks(places, words)
        axes.set(xlabel="most probable finding", ylabel="true finding")

    return inline_svg(
        draw,
        size=(4.8, 4.2),
        name="confusion",
        title="Confusion matrix",
        description="Images by true finding (rows) and most probable finding (columns); the table beside it "
        "holds the same counts.",
    )


def roc_curves(report: Report) -> Markup:
    """Draw each finding's ROC curve."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _diagonal(axes)
        for number, (label, curves) in enumerate(report["curves"].items()):
            if curve := curves["roc"]:
                words = f"{_worded(label)} {report['auroc'][label]:.3f}"
                axes.plot(
                    curve["false_positive_rate"],
                    curve["sensitivity"],
                    label=words,
                    **_line(number, marker=""),
                )
        axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.02))
        _legend(axes, "lower right")
        _percent(axes.xaxis, axes.yaxis)

    areas = "; ".join(f"{_worded(name)} {area:.3f}" for name, area in report["auroc"].items() if area)
    return inline_svg(
        draw,
        size=(4.2, 4.2),
        name="roc",
        title="ROC curves",
        description=f"Sensitivity against false positive rate, per finding. Areas: {areas or 'none'}.",
    )


def precision_recall_curves(report: Report) -> Markup:
    """Draw each finding's precision-recall curve."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (label, curves) in enumerate(report["curves"].items()):
            if curve := curves["precision_recall"]:
                words = f"{_worded(label)} {report['average_precision'][label]:.3f}"
                axes.plot(curve["recall"], curve["precision"], label=words, **_line(number, marker=""))
        axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)", xlim=(0, 1), ylim=(0, 1.02))
        _legend(axes, "lower left")
        _percent(axes.xaxis, axes.yaxis)

    known = {name: value for name, value in report["average_precision"].items() if value}
    areas = "; ".join(f"{_worded(name)} {value:.3f}" for name, value in known.items())
    return inline_svg(
        draw,
        size=(4.2, 4.2),
        name="precision-recall",
        title="Precision-recall curves",
        description=f"Positive predictive value against sensitivity, per finding. "
        f"Average precision: {areas or 'none'}.",
    )


def risk_coverage_curve(report: Report) -> Markup:
    """Draw the error rate among the most confident answers against how many are answered."""
    curve = report["risk_coverage"]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(curve["coverage"], curve["risk"], color=COLOURS[0])
        axes.set(xlabel="images answered, most confident first", ylabel="wrong among them", xlim=(0, 1.02))
        axes.set_ylim(bottom=0)
        _percent(axes.xaxis, axes.yaxis)

    return inline_svg(
        draw,
        size=(4.2, 3.2),
        name="risk-coverage",
        title="Risk-coverage curve",
        description="Error rate when only the most confident images are answered, from few to all. "
        f"Area {curve['area']:.3f}; {curve['risk'][-1]:.1%} wrong when all are answered.",
    )


def forest(partition: str, subgroups: Mapping[str, Mapping[str, Any]], labels: Sequence[str]) -> Markup:
    """Draw accuracy and each finding's sensitivity by subgroup, with intervals."""
    shown = [label for label in labels if any(label in group["sensitivity"] for group in subgroups.values())]
    columns = {"accuracy": "accuracy", **{f"sensitivity_{label}": _worded(label) for label in shown}}

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for panel, (name, words) in zip(panels, columns.items(), strict=True):
            for place, group in enumerate(subgroups.values()):
                value = group["accuracy"] if name == "accuracy" else _sensitivity(group, name)
                if value is not None:
                    _whisker(panel, place, value, group["intervals"].get(name), COLOURS[0])
            panel.set(title=words, xlim=(-0.03, 1.03), ylim=(len(subgroups) - 0.5, -0.5))
            panel.xaxis.set_ticks([0, 0.5, 1])
            panel.grid(axis="x", color=GREY, alpha=0.3)
            panel.tick_params(axis="y", length=0)
            _percent(panel.xaxis)
        panels[0].set_yticks(
            range(len(subgroups)), [f"{name} ({group['n']:,})" for name, group in subgroups.items()]
        )

    return inline_svg(
        draw,
        size=(1.4 + 1.35 * len(columns), 0.7 + 0.28 * len(subgroups)),
        name=f"forest-{partition}",
        title=f"Accuracy and sensitivity by {partition}",
        description="Accuracy, and sensitivity for each finding with enough images, with 95 % intervals; the "
        "table below holds the same values.",
    )


def _sensitivity(group: Mapping[str, Any], name: str) -> float | None:
    value: float | None = group["sensitivity"].get(name.removeprefix("sensitivity_"))
    return value


def three_views_plot(views: Report) -> Markup:
    """Draw the AUROC of COVID-19 by source in the three views."""
    kinds = {
        "same sources": views["same_sources"]["by_source"],
        "left out of training": views["leave_one_source_out"] or {},
        "within this source": views["within_source"] or {},
    }
    sources = sorted({name for sources in kinds.values() for name in sources})

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for kind, (words, of_source) in enumerate(kinds.items()):
            axes.plot([], [], "o", color=COLOURS[kind], label=words)
            for place, source in enumerate(sources):
                figures = of_source.get(source, {})
                if figures.get("covid19_auroc") is not None:
                    height = place + 0.22 * (kind - 1)
                    _whisker(axes, height, figures["covid19_auroc"], figures["interval"], COLOURS[kind])
        axes.axvline(0.5, color=GREY, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(sources)), sources)
        axes.set(xlabel="AUROC of COVID-19 (0.5: chance)", xlim=(0, 1.02), ylim=(len(sources) - 0.4, -0.6))
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

    return inline_svg(
        draw,
        size=(6.4, 1.0 + 0.5 * len(sources)),
        name="three-views",
        title="COVID-19 AUROC by source in three views",
        description="On the sources of the training, on each source when it was left out, and trained and "
        "tested within a source; the table holds the same values.",
    )


def _whisker(axes: Axes, place: float, value: float, interval: list[float] | None, colour: str) -> None:
    if interval:
        axes.hlines(place, interval[0], interval[1], color=colour, linewidth=1.5)
    axes.plot([value], [place], "o", color=colour, markersize=4)


def _line(number: int, marker: str = "o") -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number % len(DASHES)],
        "marker": marker,
        "markersize": 3,
        "linewidth": 1.4,
    }


def _legend(axes: Axes, place: Literal["lower left", "lower right"]) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=place)


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)


def _percent(*all_axes: Any) -> None:
    for axis in all_axes:
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _worded(label: str) -> str:
    return label.replace("_", " ")
