"""How soon a reader should look, from what a model version said. One rule, for the pipeline and `predict`.

- urgent: the prediction set leaves no room for normal and holds, at or above its operating point, a
  finding that cannot wait: COVID-19, which must be isolated, or bacterial pneumonia, which must be treated;
- priority: any other abnormal finding, and everything inconclusive;
- routine: normal;
- none: rejected or failed, where there is nothing to rank.

What a version calls its classes does not matter, but which findings they gather: the class made of normal
alone is routine, one made only of findings that cannot wait is urgent, and every other class (one that puts
normal beside something else, or a site's own finding, tuberculosis, say) is priority.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apps.diagnosis.models import Triage
from ml.contracts import EACH_ITS_OWN, Classes, Finding, findings_of

CANNOT_WAIT = frozenset({Finding.COVID19.value, Finding.BACTERIAL_PNEUMONIA.value})


def triage_of(
    *,
    label: str,
    prediction_set: Collection[str],
    probabilities: Mapping[str, float],
    operating_points: Mapping[str, float],
    classes: Classes = EACH_ITS_OWN,
) -> Triage:
    """Rank one classified image; operating points are probabilities, 0.5 where a finding has none."""
    if findings_of(label, classes) == {Finding.NORMAL}:
        return Triage.ROUTINE
    kept = {name: findings_of(name, classes) for name in prediction_set}
    pressing = any(
        findings <= CANNOT_WAIT and probabilities.get(name, 0.0) >= operating_points.get(name, 0.5)
        for name, findings in kept.items()
    )
    if pressing and not any(Finding.NORMAL in findings for findings in kept.values()):
        return Triage.URGENT
    return Triage.PRIORITY


def triage_from_name(name: str) -> Triage:
    """Return the triage with this label, for example `urgent`; raises `ValueError`."""
    for triage in Triage:
        if triage.label == name:
            return triage
    raise ValueError(f"{name!r} is no triage: expected {', '.join(str(t.label) for t in Triage)}.")
