"""How soon a reader should look, from what a model version said. One rule, for the pipeline and `predict`.

- urgent: the prediction set leaves no room for normal and holds, at or above its operating point, a
  finding that cannot wait: COVID-19, which must be isolated, or bacterial pneumonia, which must be treated;
- priority: any other abnormal finding, and everything inconclusive;
- routine: normal;
- none: rejected or failed, where there is nothing to rank.

A version with findings of its own (tuberculosis, say) names `normal` where it has one; its other findings
are `priority` unless they are among those that cannot wait.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apps.diagnosis.models import Triage
from ml.contracts import Finding

CANNOT_WAIT = frozenset({Finding.COVID19.value, Finding.BACTERIAL_PNEUMONIA.value})


def triage_of(
    *,
    label: str,
    prediction_set: Collection[str],
    probabilities: Mapping[str, float],
    operating_points: Mapping[str, float],
) -> Triage:
    """Rank one classified image; operating points are probabilities, 0.5 where a finding has none."""
    if label == Finding.NORMAL:
        return Triage.ROUTINE
    pressing = any(
        probabilities.get(finding, 0.0) >= operating_points.get(finding, 0.5)
        for finding in CANNOT_WAIT.intersection(prediction_set)
    )
    if pressing and Finding.NORMAL not in prediction_set:
        return Triage.URGENT
    return Triage.PRIORITY


def triage_from_name(name: str) -> Triage:
    """Return the triage with this label, for example `urgent`; raises `ValueError`."""
    for triage in Triage:
        if triage.label == name:
            return triage
    raise ValueError(f"{name!r} is no triage: expected {', '.join(str(t.label) for t in Triage)}.")
