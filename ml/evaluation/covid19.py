"""How the COVID-19 status that the product states performs, and what it is worth at a site's prevalence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.contracts import Finding, ModelSpec, findings_of
from ml.evaluation.calibration import Probabilities, Targets
from ml.evaluation.resampling import Figure, PatientResamples, divided
from ml.inference.decision import conformal_set, covid19_status

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of COVID-19 among a site's radiographs for which predictive values are tabled."""


def status_report(
    resamples: PatientResamples, probabilities: Probabilities, targets: Targets, *, spec: ModelSpec
) -> dict[str, Any] | None:
    """Measure `positive`, `negative` and `inconclusive` against the truth; None where no label is COVID-19.

    `sensitivity` and `specificity` count an inconclusive answer as neither found nor cleared: they are the
    shares of COVID-19 called positive and of the others called negative. `missed` and `false_alarms` are
    the shares called the opposite; `decided_*` leave the inconclusive out. Predictive values are of the
    images called positive or negative, by Bayes' rule at each prevalence.
    """
    covid19 = [Finding.COVID19 in findings_of(label, spec.classes) for label in spec.labels]
    if not any(covid19):
        return None
    ill = np.array(covid19)[targets]
    statuses = _statuses(probabilities, spec)
    positive, negative = statuses == "positive", statuses == "negative"
    decided = positive | negative
    figures = {
        "sensitivity": resamples.share(positive, ill),
        "specificity": resamples.share(negative, ~ill),
        "missed": resamples.share(negative, ill),
        "false_alarms": resamples.share(positive, ~ill),
        "inconclusive_covid19": resamples.share(~decided, ill),
        "inconclusive_others": resamples.share(~decided, ~ill),
        "decided_sensitivity": resamples.share(positive, ill & decided),
        "decided_specificity": resamples.share(negative, ~ill & decided),
    }
    return {
        "n_covid19": int(ill.sum()),
        "n_others": int((~ill).sum()),
        **{name: figure.value for name, figure in figures.items()},
        "intervals": {name: interval for name, figure in figures.items() if (interval := figure.interval)},
        "at_prevalence": [_predictive_values(prevalence, figures) for prevalence in PREVALENCES],
    }


def _statuses(probabilities: Probabilities, spec: ModelSpec) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Ask serving's own rule for every image."""
    statuses = []
    for row in probabilities:
        named = dict(zip(spec.labels, row.tolist(), strict=True))
        kept = conformal_set(named, spec.conformal_quantiles)
        statuses.append(covid19_status(named, kept, spec.operating_points, spec.classes))
    return np.array(statuses)


def _predictive_values(prevalence: float, figures: dict[str, Figure]) -> dict[str, Any]:
    def value(right: Figure, wrong: Figure, share: float) -> Figure:
        called_rightly = share * right.samples
        return Figure(divided(called_rightly, called_rightly + (1 - share) * wrong.samples))

    ppv = value(figures["sensitivity"], figures["false_alarms"], prevalence)
    npv = value(figures["specificity"], figures["missed"], 1 - prevalence)
    return {
        "prevalence": prevalence,
        "ppv": ppv.value,
        "ppv_interval": ppv.interval,
        "npv": npv.value,
        "npv_interval": npv.interval,
    }
