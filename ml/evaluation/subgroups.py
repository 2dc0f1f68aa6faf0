"""The same figures by source, sex, age and view: an average hides for whom a model fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ml.datasets.manifest import ManifestRow
from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.ranking import ranking
from ml.evaluation.resampling import Figure, Mask, PatientResamples, mean_of

UNKNOWN = "unknown"
UNNAMED_SOURCE = "unnamed"
ENOUGH_IMAGES = 20
"""Fewer images of a finding than this say nothing about it in a subgroup; its figures are left out."""

AGE_BANDS = ((18.0, "under 18"), (40.0, "18-39"), (65.0, "40-64"), (130.0, "65 and over"))
"""Upper bounds in years, exclusive, and the bands' names."""

_YEARS_OF = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_AGE = re.compile(r"(\d+(?:\.\d+)?) ?([YMWD]?)")


def age_band(age: str) -> str:
    """Put an age in years (`45`), or as DICOM writes it (`045Y`, `006M`; PS3.5 6.2, AS), into its band."""
    match = _AGE.fullmatch(age.strip().upper())
    if match is None:
        return UNKNOWN
    years = float(match[1]) * _YEARS_OF[match[2]]
    return next((name for bound, name in AGE_BANDS if years < bound), UNKNOWN)


def sex_name(sex: str) -> str:
    """Name a sex as in DICOM's Patient's Sex: M, F or O."""
    return {"M": "male", "F": "female", "O": "other"}.get(sex.strip().upper()[:1], UNKNOWN)


def view_name(view: str) -> str:
    """Name a view as in DICOM's View Position, with what a source adds: `PA`, `AP`, `AP supine`."""
    position, *rest = view.split() or [UNKNOWN]
    return UNKNOWN if position == UNKNOWN else " ".join([position.upper(), *rest]).replace("Supine", "supine")


PARTITIONS: Mapping[str, Callable[[ManifestRow], str]] = {
    "by_source": lambda row: row.source or UNNAMED_SOURCE,
    "by_sex": lambda row: sex_name(row.sex),
    "by_age": lambda row: age_band(row.age),
    "by_view": lambda row: view_name(row.view),
}
"""The report's keys and what each of them divides by."""


def by_subgroup(
    rows: Sequence[ManifestRow],
    probabilities: Probabilities,
    targets: Targets,
    sets: Mask,
    labels: Sequence[str],
    *,
    seed: int,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Measure every subgroup of every partition on its own images, with patients resampled inside it."""
    return {
        partition: {
            name: _figures(
                [row for row, there in zip(rows, chosen, strict=True) if there],
                probabilities[chosen],
                targets[chosen],
                sets[chosen],
                labels,
                seed,
            )
            for name, chosen in _divided(rows, name_of).items()
        }
        for partition, name_of in PARTITIONS.items()
    }


def _divided(rows: Sequence[ManifestRow], name_of: Callable[[ManifestRow], str]) -> dict[str, Mask]:
    names = np.array([name_of(row) for row in rows])
    return {str(name): names == name for name in sorted(set(names.tolist()), key=_position)}


def _position(name: str) -> tuple[bool, int, str]:
    """Order names by alphabet, age bands by age, and the unknown last."""
    bands = [band for _, band in AGE_BANDS]
    return name in (UNKNOWN, UNNAMED_SOURCE), bands.index(name) if name in bands else 0, name


def _figures(
    rows: Sequence[ManifestRow],
    probabilities: Probabilities,
    targets: Targets,
    sets: Mask,
    labels: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    resamples = PatientResamples([row.group for row in rows], seed=seed)
    correct = probabilities.argmax(axis=1) == targets
    every = np.ones(len(targets), np.bool_)
    sensitivities = [resamples.share(correct, targets == k) for k in range(len(labels))]
    measured: dict[str, Figure] = {
        "accuracy": resamples.share(correct, every),
        "balanced_accuracy": mean_of(sensitivities),
        "coverage": resamples.share(sets[np.arange(len(targets)), targets], every),
        "inconclusive": resamples.share(sets.sum(axis=1) != 1, every),
    }
    sensitivity, auroc = {}, {}
    for k, label in enumerate(labels):
        own = int((targets == k).sum())
        if own >= ENOUGH_IMAGES:
            sensitivity[label] = measured[f"sensitivity_{label}"] = sensitivities[k]
        if min(own, len(targets) - own) >= ENOUGH_IMAGES:
            auroc[label] = measured[f"auroc_{label}"] = ranking(
                resamples, targets == k, probabilities[:, k]
            ).auroc
    return {
        "n": len(targets),
        "groups": resamples.patients,
        **{
            name: measured[name].value
            for name in ("accuracy", "balanced_accuracy", "coverage", "inconclusive")
        },
        "n_per_class": {label: int((targets == k).sum()) for k, label in enumerate(labels)},
        "sensitivity": {label: figure.value for label, figure in sensitivity.items()},
        "auroc": {label: figure.value for label, figure in auroc.items()},
        "intervals": {
            name: interval for name, figure in measured.items() if (interval := figure.interval) is not None
        },
    }
