"""From logits to what the product says: probabilities, prediction set, label, COVID-19 status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.contracts import EACH_ITS_OWN, INCONCLUSIVE, Classes, Finding, findings_of

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
    classes: Classes = EACH_ITS_OWN,
) -> CovidStatus:
    """Say where the radiograph stands on COVID-19, whatever the version calls it.

    `positive`: the class made of COVID-19 alone is the only one in the prediction set and reaches its
    operating point. `negative`: the prediction set holds classes and COVID-19 is in none of them.
    Everything else, also a version that knows no COVID-19, is `inconclusive`: absence is claimed only
    where the set that promises to hold the truth does without it.
    """
    covid19 = Finding.COVID19.value
    known = any(covid19 in findings_of(label, classes) for label in probabilities)
    if not known or not prediction_set:
        return "inconclusive"
    if not any(covid19 in findings_of(label, classes) for label in prediction_set):
        return "negative"
    label = prediction_set[0]
    alone = len(prediction_set) == 1 and findings_of(label, classes) == {covid19}
    reaches = probabilities[label] >= operating_points.get(label, 0.5)
    return "positive" if alone and reaches else "inconclusive"


def abnormality(probabilities: Mapping[str, float], classes: Classes = EACH_ITS_OWN) -> float:
    """Return 1 - p(the class with normal in it), or the greatest probability where no class has it."""
    normal = [p for label, p in probabilities.items() if Finding.NORMAL in findings_of(label, classes)]
    return 1.0 - sum(normal) if normal else max(probabilities.values())
