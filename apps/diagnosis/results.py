"""A result as integrators and `predict --json` see it: the contract's keys, in the contract's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.diagnosis.models import Triage


def result(
    *,
    status: str,
    file: str = "",
    sop_instance_uid: str | None = None,
    label: str | None = None,
    covid19_status: str | None = None,
    probabilities: Mapping[str, float] | None = None,
    prediction_set: Sequence[str] = (),
    abnormality: float | None = None,
    triage: Triage = Triage.NONE,
    rejections: Sequence[Mapping[str, str]] = (),
    warnings: Sequence[str] = (),
    model: Mapping[str, Any] | None = None,
    saliency: Mapping[str, str] | None = None,
    timing_ms: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Build a result; what an outcome does not have is null, `{}` or `[]`, and no key is ever missing."""
    return {
        "status": status,
        "file": file,
        "sop_instance_uid": sop_instance_uid,
        "label": label or None,
        "covid19_status": covid19_status or None,
        "probabilities": {name: round(value, 6) for name, value in (probabilities or {}).items()},
        "prediction_set": list(prediction_set),
        "abnormality": None if abnormality is None else round(abnormality, 6),
        "triage": str(triage.label),
        "rejections": [dict(rejection) for rejection in rejections],
        "warnings": list(warnings),
        "model": dict(model) if model else None,
        "saliency": dict(saliency or {}),
        "timing_ms": dict(timing_ms or {}),
    }
