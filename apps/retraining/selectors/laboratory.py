"""Reading laboratory results, and what they say about a study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.retraining.models import LaboratoryResult


def laboratory_results_visible_to(actor: Actor) -> QuerySet[LaboratoryResult]:
    """Return the results, newest specimen first; none without the right to patients' results."""
    results = LaboratoryResult.objects.select_related("patient")
    return results if actor.may(Right.VIEW_RESULTS) else results.none()


@dataclass(frozen=True, slots=True)
class Reference:
    """What the laboratory says about a study: findings it confirms and rules out, each by which result."""

    confirmed: Mapping[str, LaboratoryResult]
    ruled_out: Mapping[str, LaboratoryResult]


def results_in_force(patients: Iterable[int]) -> dict[int, list[LaboratoryResult]]:
    """Return each patient's results that count: of several on one test, finding and day the last recorded."""
    newest: dict[tuple[int, str, str, date], LaboratoryResult] = {}
    wanted = set(patients)
    for result in LaboratoryResult.objects.order_by("id").iterator():
        if result.patient_id in wanted:
            newest[result.patient_id, result.test, result.finding, result.specimen_date] = result
    by_patient: dict[int, list[LaboratoryResult]] = defaultdict(list)
    for result in newest.values():
        by_patient[result.patient_id].append(result)
    return by_patient


def reference_of(results: Sequence[LaboratoryResult], *, study_date: date, days: int) -> Reference:
    """Return what a patient's results say about a study of that day.

    A specimen counts when at most `days` lie between it and the study; for each finding a positive result
    outweighs negative ones, because a swab misses more often than it invents (Kucirka et al., Ann Intern
    Med 2020;173:262).
    """
    window = timedelta(days=days)
    near = [result for result in results if abs(result.specimen_date - study_date) <= window]
    confirmed = {one.finding: one for one in near if one.result == LaboratoryResult.Result.POSITIVE}
    ruled_out = {
        one.finding: one
        for one in near
        if one.result == LaboratoryResult.Result.NEGATIVE and one.finding not in confirmed
    }
    return Reference(confirmed, ruled_out)
