"""A11, A12: age as a shortcut, and findings that are missed in one group of patients."""

from __future__ import annotations

import numpy as np
import pytest

from ml.audit.checks import NotAvailableError, Verdict
from ml.audit.intervals import difference_interval
from ml.audit.people import children_and_adults, equal_sensitivity
from ml.datasets.manifest import ManifestRow
from tests.ml.audit.situations import LABELS, noise, row, subject


def ages(label: str, children: int, adults: int, start: int = 0) -> list[ManifestRow]:
    return [
        row(start + n, label, age="3" if n < children else "61", source="clinic")
        for n in range(children + adults)
    ]


def with_age(rows: list[ManifestRow]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    features = noise(len(rows))
    features[:, 0] += np.array([6.0 if one.age == "3" else 0.0 for one in rows], np.float32)
    return features


def test_age_is_no_shortcut_where_it_cannot_be_read() -> None:
    rows = ages("normal", 120, 120)
    assert children_and_adults(subject(rows, embeddings=noise(240))).verdict == Verdict.PASS


def test_readable_age_warns_where_both_ages_have_every_finding() -> None:
    rows = ages("normal", 50, 50) + ages("covid19", 50, 50, start=1000)
    check = children_and_adults(subject(rows, embeddings=with_age(rows)))
    assert check.figure is not None
    assert check.figure > 0.95
    assert check.verdict == Verdict.WARN


def test_readable_age_fails_where_a_finding_comes_from_one_age_only() -> None:
    rows = ages("normal", 50, 50) + ages("covid19", 0, 60, start=1000)
    check = children_and_adults(subject(rows, embeddings=with_age(rows)))
    assert check.verdict == Verdict.FAIL
    assert check.details["findings_of_one_age_group"] == ["covid19"]
    assert "covid19" in check.meaning
    assert check.details["sensitivity"]["normal"]["children"]["n"] == 50


def test_a_source_of_children_speaks_for_ages_that_are_not_stated() -> None:
    rows = [row(n, "normal", source="kermany" if n < 40 else "elsewhere") for n in range(80)]
    check = children_and_adults(subject(rows, embeddings=noise(80)))
    assert check.details["age_known_by"] == {"source": 80}


def test_one_generation_cannot_be_compared() -> None:
    rows = ages("normal", 0, 80)
    with pytest.raises(NotAvailableError, match="children and of adults"):
        children_and_adults(subject(rows, embeddings=noise(80)))


def sexes(missed_women: int, missed_men: int, each: int) -> tuple[list[ManifestRow], list[int]]:
    rows = [row(n, "covid19", sex="F" if n < each else "M") for n in range(2 * each)]
    missed = {*range(missed_women), *range(each, each + missed_men)}
    return rows, [LABELS.index("normal" if n in missed else "covid19") for n in range(2 * each)]


@pytest.mark.parametrize(
    ("missed_women", "missed_men", "each", "verdict"),
    [(10, 15, 100, Verdict.PASS), (6, 1, 25, Verdict.WARN), (80, 10, 200, Verdict.FAIL)],
)
def test_a_gap_fails_only_when_it_is_certain(
    missed_women: int, missed_men: int, each: int, verdict: Verdict
) -> None:
    rows, predicted = sexes(missed_women, missed_men, each)
    check = equal_sensitivity(subject(rows, predicted=predicted))
    assert check.verdict == verdict
    assert check.figure == pytest.approx(abs(missed_women - missed_men) / each)
    assert check.details["comparisons"] == 1
    assert "covid19 by sex" in check.meaning


def test_groups_that_nobody_stated_are_not_compared() -> None:
    with pytest.raises(NotAvailableError, match="sex, age or view"):
        equal_sensitivity(subject([row(n, LABELS[n % 2]) for n in range(100)]))


def test_the_interval_of_a_difference_is_newcombes() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, table II, example (a), method 10.
    low, high = difference_interval((56, 70), (48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
