"""Draw how a run went, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ml.evaluation.drawing import COLOURS, GREY, inline_svg
from ml.training.record import best_epoch

HISTORY_NAME = "history.svg"
DARKEST = 0.5
"""Opacity behind images of no size at all; those of the final size stand on white."""

Epochs = Sequence[Mapping[str, Any]]


def write_history(folder: Path) -> None:
    """Draw `history.svg` from the epochs in a folder's `lineage.json`; none where nothing was trained.

    The same epochs give the same bytes.
    """
    epochs = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))["history"]
    path = folder / HISTORY_NAME
    path.unlink(missing_ok=True)
    if epochs:
        path.write_text(history_svg(epochs) + "\n", encoding="utf-8")


def history_svg(epochs: Epochs) -> str:
    """Draw losses above and calibration accuracy below, image sizes shaded, the kept epoch marked."""
    best = best_epoch(epochs)

    def draw(figure: Figure) -> None:
        losses, accuracy = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _line(losses, epochs, "loss", "training, as mixed and smoothed", COLOURS[0], "--")
        _line(losses, epochs, "calibration_loss", "calibration fold, calibrated", COLOURS[1], "-")
        _line(accuracy, epochs, "calibration_accuracy", "", COLOURS[1], "-")
        for axes in (losses, accuracy):
            _shade_sizes(axes, epochs)
            if best is not None:
                axes.axvline(best, color=COLOURS[2], linestyle=":", label=f"kept: epoch {best}")
        _name_sizes(losses, epochs)
        losses.set(ylabel="loss", xlim=(0.5, len(epochs) + 0.5))
        losses.legend(loc="best")
        accuracy.set(xlabel="epoch", ylabel="calibration accuracy")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))

    return str(
        inline_svg(
            draw, size=(6.4, 4.4), name="history", title="Training history", description=_described(epochs)
        )
    )


def _described(epochs: Epochs) -> str:
    best = best_epoch(epochs)
    first, last = epochs[0]["loss"], epochs[-1]["loss"]
    count = "1 epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
    words = f"{count}; training loss {first:.3f} at first, {last:.3f} at last."
    if best is None:
        return words
    kept = epochs[best - 1]
    return (
        f"{words} Epoch {best} was kept: loss {kept['calibration_loss']:.3f} and accuracy "
        f"{kept['calibration_accuracy']:.3f} on the calibration fold."
    )


def _line(axes: Axes, epochs: Epochs, figure: str, label: str, colour: str, dash: str) -> None:
    """Draw a figure over the epochs that have it: small images are not measured."""
    known = [(epoch, row[figure]) for epoch, row in enumerate(epochs, start=1) if figure in row]
    if known:
        axes.plot(*zip(*known, strict=True), dash, marker="o", markersize=3, color=colour, label=label)


def _sizes(epochs: Epochs) -> list[tuple[int, int, int]]:
    """Give first epoch, last epoch and image side of every stretch of one size."""
    stretches = groupby(enumerate(epochs, start=1), key=lambda numbered: int(numbered[1]["size"]))
    found = []
    for size, stretch in stretches:
        numbers = [number for number, _ in stretch]
        found.append((numbers[0], numbers[-1], size))
    return found


def _shade_sizes(axes: Axes, epochs: Epochs) -> None:
    final = max(row["size"] for row in epochs)
    for first, last, size in _sizes(epochs):
        axes.axvspan(first - 0.5, last + 0.5, color=GREY, alpha=DARKEST * (1 - size / final), linewidth=0)


def _name_sizes(axes: Axes, epochs: Epochs) -> None:
    for first, last, size in _sizes(epochs):
        axes.text((first + last) / 2, 1.01, f"{size} px", transform=axes.get_xaxis_transform(), ha="center")
