"""A figure becomes a verdict, and verdicts become one."""

from __future__ import annotations

import json

import pytest

from ml.audit.checks import Check, NotAvailableError, Threshold, Verdict, inherited, overall


@pytest.mark.parametrize(
    ("figure", "expected"),
    [(0.02, Verdict.PASS), (0.021, Verdict.WARN), (0.05, Verdict.WARN), (0.051, Verdict.FAIL)],
)
def test_less_is_better_where_the_goal_is_below_the_limit(figure: float, expected: Verdict) -> None:
    assert Threshold(goal=0.02, limit=0.05).verdict(figure) == expected


@pytest.mark.parametrize(
    ("figure", "expected"),
    [(0.95, Verdict.PASS), (0.94, Verdict.WARN), (0.70, Verdict.WARN), (0.69, Verdict.FAIL)],
)
def test_more_is_better_where_the_goal_is_above_the_limit(figure: float, expected: Verdict) -> None:
    assert Threshold(goal=0.95, limit=0.70).verdict(figure) == expected


def test_one_failure_fails_the_version() -> None:
    checks = (
        Check("A1", Verdict.PASS, ""),
        Check("A2", Verdict.WARN, ""),
        Check("A3", Verdict.FAIL, ""),
        Check("A6", Verdict.NOT_AVAILABLE, ""),
    )
    verdict, summary = overall(checks)
    assert verdict == Verdict.FAIL
    assert summary.startswith("1 of 4 checks passed; failed: A3; with a warning: A2; could not be made: A6.")


def test_what_could_not_be_checked_is_no_pass() -> None:
    passed, absent = Check("A1", Verdict.PASS, ""), Check("A6", Verdict.NOT_AVAILABLE, "")
    assert overall((passed,))[0] == Verdict.PASS
    assert overall((passed, absent))[0] == Verdict.WARN


def test_a_fine_tune_inherits_with_the_parents_verdict() -> None:
    own = Check(
        "A6",
        Verdict.FAIL,
        "It fell far.",
        figure=0.3,
        interval=(0.2, 0.4),
        threshold=Threshold(0.05, 0.15),
        details={"worst": "ozturk"},
    )
    parent = json.loads(json.dumps({"checks": [own.to_json()]}))
    child = inherited("A6", parent, "not measured")
    assert child.verdict == Verdict.INHERITED
    assert child.figure == 0.3
    assert child.interval == (0.2, 0.4)
    assert child.details == {"worst": "ozturk", "inherited_verdict": "fail"}
    assert overall((child,))[0] == Verdict.FAIL, "inheriting does not make it harmless"
    grandchild = inherited("A6", {"checks": [child.to_json()]}, "not measured")
    assert grandchild.counts_as == Verdict.FAIL


@pytest.mark.parametrize("verdict", [None, Verdict.NOT_AVAILABLE])
def test_what_the_parent_does_not_know_cannot_be_inherited(verdict: Verdict | None) -> None:
    parent = {"checks": [Check("A6", verdict, "").to_json()]} if verdict else {}
    with pytest.raises(NotAvailableError, match="Nobody measured it"):
        inherited("A6", parent, "Nobody measured it.")
