"""Training runs in words and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.portal.wording import time_span
from apps.retraining.models import TrainingRun
from apps.retraining.requests import ARCHITECTURES, TrainingRequest
from apps.retraining.selectors.runs import seconds_per_image

_STAGES = {
    "checking images": "Reading every image once",
    "preparing": "Cutting out the lungs",
    "training": "Training",
    "exporting": "Exporting and calibrating",
    "comparing": "Comparing with the champion",
    "registering": "Registering the candidate",
}
_CHIPS = {"completed": "triage-good", "failed": "triage-urgent", "running": "triage-priority"}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as lists show it."""

    run: TrainingRun
    data: str
    start: str
    progress: str

    @property
    def chip(self) -> str:
        """The look of its status."""
        return _CHIPS.get(self.run.status, "")


def row_of(run: TrainingRun) -> RunRow:
    """Say in a line what a run trains on, where it starts from, and how far it is."""
    asked = TrainingRequest.from_json(run.request)
    data = [str(run.snapshot)] if run.snapshot else []
    start = f"from {run.init_version}" if run.init_version else "from scratch"
    return RunRow(
        run=run,
        data=", ".join([*data, *(path.name for path in asked.manifests)]),
        start=f"{asked.architecture}, {start}",
        progress=_progress_line(run),
    )


def _progress_line(run: TrainingRun) -> str:
    if run.status == TrainingRun.Status.QUEUED:
        waits = run.snapshot is not None and not run.snapshot.is_finished
        return f"waits for {run.snapshot}" if waits else "waits for the trainer"
    if run.status != TrainingRun.Status.RUNNING or not run.progress:
        return ""
    return f"{stage_name(run.progress['stage'])}, {run.progress['done']} of {run.progress['total']}"


def stage_name(stage: str) -> str:
    """Name a stage for a person; a check of the audit by its code."""
    if stage.startswith("cross-validation"):
        number, _, inner = stage.partition(": ")
        return f"{number.capitalize()}: {stage_name(inner).lower()}"
    return _STAGES.get(stage, f"Audit: {stage}")


def time_left(run: TrainingRun) -> str:
    """Say how long the present stage will take; empty where that is not known."""
    seconds = run.progress.get("seconds_left")
    return "" if seconds is None else f"about {time_span(seconds)} left in this stage"


def settings_of(run: TrainingRun) -> list[tuple[str, str]]:
    """List what was chosen, in words; what was left open is not in it."""
    own = ("manifests", "architecture", "init")
    chosen = [(name, value) for name, value in run.request.items() if name not in own]
    return [(name.replace("_", " ").capitalize(), _words(value)) for name, value in chosen]


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_words(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " + ".join(str(part) for part in value)
    return str(value)


def charts_of(run: TrainingRun) -> dict[str, dict[str, Any]]:
    """Give Chart.js configurations of the candidate's own epochs: losses, and accuracy."""
    epochs = [row for row in run.history if "fold" not in row]
    return {
        "losses": _lines(epochs, {"loss": "training", "calibration_loss": "calibration fold"}, "loss"),
        "accuracy": _lines(epochs, {"calibration_accuracy": "calibration fold"}, "accuracy"),
    }


def _lines(epochs: Sequence[Mapping[str, float]], series: Mapping[str, str], axis: str) -> dict[str, Any]:
    colours = ("#6b7a90", "#1f6feb")
    return {
        "type": "line",
        "data": {
            "labels": [int(row["epoch"]) for row in epochs],
            "datasets": [
                {
                    "label": label,
                    "data": [row.get(name) for row in epochs],
                    "borderColor": colour,
                    "backgroundColor": colour,
                    "spanGaps": True,
                }
                for (name, label), colour in zip(series.items(), colours, strict=False)
            ],
        },
        "options": {
            "animation": False,
            "maintainAspectRatio": False,
            "scales": {
                "x": {"title": {"display": True, "text": "epoch"}},
                "y": {"title": {"display": True, "text": axis}},
            },
        },
    }


@dataclass(frozen=True, slots=True)
class Pace:
    """How long 1,000 images of one epoch took, and in the making of which version."""

    architecture: str
    time: str
    version: str


def paces() -> list[Pace]:
    """List the architectures whose pace is known from a version that was trained so."""
    known = [(name, pace) for name in ARCHITECTURES if (pace := seconds_per_image(name))]
    return [Pace(name, time_span(1000 * seconds), str(version)) for name, (seconds, version) in known]
