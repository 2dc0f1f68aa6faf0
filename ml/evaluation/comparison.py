"""Whether one version is better than another: both on the same images, with the same patients resampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.ranking import ranking
from ml.evaluation.reliability import brier_score, calibration_error
from ml.evaluation.resampling import Figure, PatientResamples, mean_of

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"
LOWER_IS_BETTER = ("ece", "brier")


def compare_versions(
    champion: Probabilities,
    challenger: Probabilities,
    targets: Targets,
    *,
    labels: Sequence[str],
    groups: Sequence[str],
    seed: int = 0,
) -> dict[str, Any]:
    """Compare calibrated probabilities (n, k) of two versions on the same images, figure by figure.

    Gives `n groups figures`; a figure has both values, their `difference` (challenger minus champion)
    with the 95 % `interval` of a paired bootstrap over groups (patients), and a `verdict` on the
    challenger: `better` or `worse` where the interval lies on one side of 0, else `cannot tell`. With
    about a dozen figures one of them may differ by chance: decide beforehand which one counts.
    Raises `ValueError` when the two did not answer for the same images and labels.
    """
    if champion.shape != challenger.shape or champion.shape != (len(targets), len(labels)):
        raise ValueError(
            f"The champion's probabilities have shape {champion.shape}, the challenger's "
            f"{challenger.shape}; expected ({len(targets)}, {len(labels)}) twice: the same images and labels."
        )
    resamples = PatientResamples(groups, seed=seed)
    first = _figures(resamples, champion, targets, labels)
    second = _figures(resamples, challenger, targets, labels)
    return {
        "n": len(targets),
        "groups": resamples.patients,
        "figures": {
            name: _compared(figure, second[name], lower_is_better=name in LOWER_IS_BETTER)
            for name, figure in first.items()
            if figure.value is not None
        },
    }


def _figures(
    resamples: PatientResamples, probabilities: Probabilities, targets: Targets, labels: Sequence[str]
) -> dict[str, Figure]:
    correct = probabilities.argmax(axis=1) == targets
    sensitivity = {label: resamples.share(correct, targets == k) for k, label in enumerate(labels)}
    auroc = {
        label: ranking(resamples, targets == k, probabilities[:, k]).auroc for k, label in enumerate(labels)
    }
    return {
        "accuracy": resamples.share(correct, np.ones(len(targets), np.bool_)),
        "balanced_accuracy": mean_of(list(sensitivity.values())),
        "auroc_macro": mean_of(list(auroc.values())),
        "ece": calibration_error(resamples, probabilities, targets),
        "brier": brier_score(resamples, probabilities, targets),
        **{f"sensitivity_{label}": figure for label, figure in sensitivity.items()},
        **{f"auroc_{label}": figure for label, figure in auroc.items()},
    }


def _compared(champion: Figure, challenger: Figure, *, lower_is_better: bool) -> dict[str, Any]:
    difference = Figure(challenger.samples - champion.samples)
    return {
        "champion": champion.value,
        "challenger": challenger.value,
        "difference": difference.value,
        "interval": difference.interval,
        "verdict": _verdict(difference.interval, lower_is_better=lower_is_better),
    }


def _verdict(interval: list[float] | None, *, lower_is_better: bool) -> str:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return CANNOT_TELL
    return BETTER if (interval[0] > 0) is not lower_is_better else WORSE
