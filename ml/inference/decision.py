"""From logits to what the product says: probabilities, prediction set, label, COVID-19 status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.contracts import INCONCLUSIVE, Finding

CovidStatus = Literal["positive", "negative", "inconclusive"]


def calibrated_probabilities(
    logits: NDArray[np.float32], labels: Sequence[str], *, temperature: float
) -> dict[str, float]:
    """Return softmax(logits / temperature) of shape (K,) by label (Guo 2017); the values sum to 1."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max())
    shares = exponentials / exponentials.sum()
    return {label: float(share) for label, share in zip(labels, shares, strict=True)}


def conformal_set(probabilities: Mapping[str, float], quantiles: Mapping[str, float]) -> tuple[str, ...]:
    """Return the findings that cannot be ruled out, most probable first.

    Class-conditional split conformal prediction (Vovk 2012): a finding is in when its probability is
    at least 1 - its quantile, so that each true finding is in the set as often as promised.
    """
    kept = [label for label, value in probabilities.items() if value >= 1.0 - quantiles[label]]
    return tuple(sorted(kept, key=lambda label: -probabilities[label]))


def decided_label(prediction_set: Sequence[str]) -> str:
    """Return the finding when the set singles one out, else `inconclusive`."""
    return prediction_set[0] if len(prediction_set) == 1 else INCONCLUSIVE


def covid19_status(
    probabilities: Mapping[str, float],
    prediction_set: Sequence[str],
    operating_points: Mapping[str, float],
) -> CovidStatus:
    """Say where the radiograph stands on COVID-19.

    `positive`: COVID-19 is the only finding in the prediction set and reaches its operating point.
    `negative`: the prediction set holds other findings and not COVID-19. Everything else, also a
    version whose vocabulary has no COVID-19, is `inconclusive`: absence is claimed only where the
    set that promises to hold the truth does without it.
    """
    finding = Finding.COVID19.value
    if finding not in probabilities or not prediction_set:
        return "inconclusive"
    if finding not in prediction_set:
        return "negative"
    reaches = probabilities[finding] >= operating_points.get(finding, 0.5)
    return "positive" if len(prediction_set) == 1 and reaches else "inconclusive"


def abnormality(probabilities: Mapping[str, float]) -> float:
    """Return 1 - p(normal), or the greatest probability where the vocabulary has no `normal`."""
    normal = probabilities.get(Finding.NORMAL.value)
    return max(probabilities.values()) if normal is None else 1.0 - normal
