"""What a check of the audit answers, and how a figure becomes a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

NAMES: Mapping[str, str] = {
    "A1": "Better than knowing the source",
    "A2": "Source hidden in the features",
    "A3": "Lungs blacked out",
    "A4": "Corners and markers",
    "A5": "Lungs only",
    "A6": "Hospitals never seen",
    "A7": "Evidence inside the lungs",
    "A8": "Sanity of the explanation",
    "A9": "Stability",
    "A10": "Leakage",
    "A11": "Children and adults",
    "A12": "Equal across groups of patients",
}


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    FAIL = "fail"
    NOT_AVAILABLE = "not_available"
    INHERITED = "inherited"
    """Measured on the version that this one was fine-tuned from; `inherited_verdict` says how it ended."""


class NotAvailableError(Exception):
    """A check cannot be made on this version or these data; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a figure is held against: the goal, and the limit beyond which the version fails.

    Between the two the verdict is a warning. Whether more or less is better follows from their order.
    """

    goal: float
    limit: float

    def verdict(self, figure: float) -> Verdict:
        """Grade a figure; one that meets the goal exactly passes, one at the limit only warns."""
        sign = 1.0 if self.goal <= self.limit else -1.0
        if sign * figure <= sign * self.goal:
            return Verdict.PASS
        return Verdict.WARN if sign * figure <= sign * self.limit else Verdict.FAIL


Interval = tuple[float, float]
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One question's answer.

    `figure` is what was measured, `interval` its 95 % interval, both None when there is none. `meaning`
    is for a clinician, `details` for a data scientist: values that JSON can hold.
    """

    code: str
    verdict: Verdict
    meaning: str
    figure: float | None = None
    interval: Interval | None = None
    threshold: Threshold | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The question's short name."""
        return NAMES[self.code]

    @property
    def counts_as(self) -> Verdict:
        """The verdict that goes into the whole: an inherited one counts as it ended for the parent."""
        if self.verdict == Verdict.INHERITED:
            return Verdict(self.details["inherited_verdict"])
        return self.verdict

    def to_json(self) -> dict[str, Any]:
        """Give the check as values that JSON can hold."""
        return {
            "code": self.code,
            "name": self.name,
            "figure": None if self.figure is None else round(self.figure, DIGITS),
            "interval": None if self.interval is None else [round(end, DIGITS) for end in self.interval],
            "threshold": None if self.threshold is None else self.threshold.goal,
            "fails_beyond": None if self.threshold is None else self.threshold.limit,
            "verdict": str(self.verdict),
            "meaning": self.meaning,
            "details": dict(self.details),
        }


def inherited(code: str, parent: Mapping[str, Any], reason: str) -> Check:
    """Take over a check from the audit of the version that this one was fine-tuned from.

    `parent` is that audit as `audit_version` gave it. Raises `NotAvailableError` with the reason when it
    holds no answer either.
    """
    known = next((check for check in parent.get("checks", ()) if check["code"] == code), None)
    if known is None or known["verdict"] == Verdict.NOT_AVAILABLE:
        raise NotAvailableError(reason)
    verdict = known["details"].get("inherited_verdict", known["verdict"])
    goal, limit = known["threshold"], known["fails_beyond"]
    return Check(
        code,
        Verdict.INHERITED,
        f"Measured on the version that this one was trained on from, not on this one: {known['meaning']}",
        figure=known["figure"],
        interval=None if known["interval"] is None else (known["interval"][0], known["interval"][1]),
        threshold=None if goal is None else Threshold(goal, limit),
        details={**known["details"], "inherited_verdict": verdict},
    )


def overall(checks: tuple[Check, ...]) -> tuple[Verdict, str]:
    """Give the verdict over all checks and a sentence for it.

    One failure fails the version; a warning or a check that could not be made leaves it with a warning.
    """
    codes = {verdict: [check.code for check in checks if check.counts_as == verdict] for verdict in Verdict}
    parts = [f"{len(codes[Verdict.PASS])} of {len(checks)} checks passed"]
    parts += [f"{word}: {', '.join(codes[verdict])}" for verdict, word in _WORDS.items() if codes[verdict]]
    sentence = "; ".join(parts) + "."
    if codes[Verdict.FAIL]:
        return Verdict.FAIL, f"{sentence} This version should not be used for results."
    if len(codes[Verdict.PASS]) < len(checks):
        return Verdict.WARN, f"{sentence} Read these before trusting its results."
    return Verdict.PASS, sentence


_WORDS = {Verdict.FAIL: "failed", Verdict.WARN: "with a warning", Verdict.NOT_AVAILABLE: "could not be made"}
