"""Three views of one result: on the same sources, with each source left out, and within one source.

On the sources of its training a network may answer by recognising where an image comes from. Leaving a
source out takes that help away; within one source there is nothing to recognise (Zech 2018, DeGrave 2021).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.contracts import Finding
from ml.model_folder import ModelFolderError

GENERALISATION_NAME = "generalisation.json"
"""The file of a version's folder that holds its figures with a source left out, and within a source."""

SHUFFLED_LABELS, LUNGS_BLACKED_OUT = "shuffled_labels", "lungs_blacked_out"
"""Its entries for the recipe's negative controls, each with `n balanced_accuracy chance`."""

FIGURES = ("n", "covid19_auroc", "interval", "sensitivity", "accuracy")
"""What the views say of a source; `interval` belongs to the AUROC of COVID-19, as `sensitivity` does."""

WHY_ABSENT = (
    f"not available: this version's folder holds no {GENERALISATION_NAME}, the figures with a source left "
    "out of training."
)


def read_generalisation(folder: Path) -> Mapping[str, Any] | None:
    """Read a version's `generalisation.json`; None where there is none. Raises `ModelFolderError`."""
    path = folder / GENERALISATION_NAME
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error
    for key in ("leave_one_source_out", "within_source"):
        if not isinstance(values, dict) or not isinstance(values.get(key), dict):
            raise ModelFolderError(f"{path} holds no {key!r}; expected a table of sources. Train it again.")
    return dict(values)


def three_views(report: Mapping[str, Any], generalisation: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put an evaluation on the same sources beside the same version's figures elsewhere.

    Gives `same_sources` (all images, and `by_source` in `FIGURES`), `leave_one_source_out` and
    `within_source` (by source in `FIGURES`, None where unknown), `mean_covid19_auroc` with a source left
    out, `gap` (how much lower than on the same sources) and `protocol`. Without `generalisation` all but
    the first are None, and `not_available` says why.
    """
    covid19 = Finding.COVID19.value
    same = {
        "n": report["n"],
        "covid19_auroc": report["auroc"].get(covid19),
        "interval": report["intervals"].get(f"auroc_{covid19}"),
        "sensitivity": report["per_class"].get(covid19, {}).get("sensitivity"),
        "accuracy": report["accuracy"],
        "by_source": {name: _of_source(figures) for name, figures in report["by_source"].items()},
    }
    if generalisation is None:
        return {
            "same_sources": same,
            "leave_one_source_out": None,
            "within_source": None,
            "mean_covid19_auroc": None,
            "gap": None,
            "protocol": None,
            "not_available": WHY_ABSENT,
        }
    mean = generalisation.get("mean_covid19_auroc")
    known = mean is not None and same["covid19_auroc"] is not None
    return {
        "same_sources": same,
        "leave_one_source_out": _in_figures(generalisation["leave_one_source_out"]),
        "within_source": _in_figures(generalisation["within_source"]),
        "mean_covid19_auroc": mean,
        "gap": round(same["covid19_auroc"] - mean, 4) if known else None,
        "protocol": generalisation.get("protocol"),
        "not_available": None,
    }


def _of_source(figures: Mapping[str, Any]) -> dict[str, Any]:
    covid19 = Finding.COVID19.value
    return {
        "n": figures["n"],
        "covid19_auroc": figures["auroc"].get(covid19),
        "interval": figures["intervals"].get(f"auroc_{covid19}"),
        "sensitivity": figures["sensitivity"].get(covid19),
        "accuracy": figures["accuracy"],
    }


def _in_figures(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {figure: given.get(figure) for figure in FIGURES} for name, given in sources.items()}
