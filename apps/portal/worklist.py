"""The worklist as pages show it: its views, their counts, its rows in words, and the neighbours of a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.diagnosis import selectors
from apps.diagnosis.models import Diagnosis, Review, Triage, WorklistEntry
from apps.portal import wording
from ml.contracts import INCONCLUSIVE

Entries = QuerySet[WorklistEntry]
Status = WorklistEntry.Status

UNREAD = Q(status=Status.COMPLETED, reviewed_at=None)


@dataclass(frozen=True, slots=True)
class ListView:
    """A named cut of the worklist."""

    code: str
    name: str
    condition: Q
    when_empty: str
    shows_results: bool = False
    """Whether being in this cut says something about the result."""


_VIEWS = (
    ListView(
        "unread",
        "Unread",
        UNREAD,
        "Everything has been read. New studies appear here by themselves.",
        shows_results=True,
    ),
    ListView(
        "urgent",
        "Urgent",
        UNREAD & Q(triage=Triage.URGENT),
        "Nothing urgent waits to be read.",
        shows_results=True,
    ),
    ListView(
        "inconclusive",
        "Inconclusive",
        UNREAD & Q(label=INCONCLUSIVE),
        "No unread study is inconclusive.",
        shows_results=True,
    ),
    ListView(
        "disagreements",
        "Disagreements",
        Q(verdict=Review.Verdict.DISAGREE),
        "No reader has corrected a result yet.",
        shows_results=True,
    ),
    ListView(
        "working",
        "In progress",
        Q(status__in=[Status.RECEIVED, Status.RUNNING]),
        "Nothing is waiting: every received study has been worked on.",
    ),
    ListView("refused", "Refused", Q(status=Status.REJECTED), "No study was refused."),
    ListView(
        "failed",
        "Failed",
        Q(status=Status.FAILED),
        "No study failed. One that fails stays here until someone tries it again.",
    ),
    ListView(
        "all", "All", Q(), "Nothing has been received yet. Send a radiograph from the PACS, or upload one."
    ),
)


def views_for(actor: Actor) -> list[ListView]:
    """Return the cuts that the actor may use; the first is where the list opens."""
    if actor.may(Right.VIEW_RESULTS):
        return list(_VIEWS)
    return [_VIEWS[-1], *(view for view in _VIEWS[:-1] if not view.shows_results)]


@dataclass(frozen=True, slots=True)
class Search:
    """What a person asked the worklist for."""

    view: ListView
    text: str = ""
    received_from: date | None = None
    received_to: date | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything but the view narrows the list."""
        return bool(self.text or self.received_from or self.received_to)

    def query(self, **more: object) -> str:
        """Return the search as a query string, empty parts left out."""
        parts: dict[str, object] = {
            "view": self.view.code,
            "q": self.text,
            "received_from": self.received_from or "",
            "received_to": self.received_to or "",
            **more,
        }
        return urlencode({name: str(value) for name, value in parts.items() if value not in ("", None)})


def search_from(actor: Actor, parameters: dict[str, Any]) -> Search:
    """Read a search from cleaned parameters; an unknown view becomes the first."""
    views = views_for(actor)
    view = next((view for view in views if view.code == parameters.get("view")), views[0])
    return Search(
        view=view,
        text=parameters.get("q") or "",
        received_from=parameters.get("received_from"),
        received_to=parameters.get("received_to"),
    )


def entries_found(*, actor: Actor, search: Search) -> Entries:
    """Return the entries of a search in the worklist's order."""
    entries = selectors.worklist(
        actor=actor,
        search=search.text or None,
        received_from=search.received_from,
        received_to=search.received_to,
    )
    return entries.filter(search.view.condition)


def view_counts(actor: Actor) -> dict[str, Any]:
    """Count every view in one query; also `oldest_unread`, a time or None."""
    totals: dict[str, Any] = {
        view.code: Count("pk", filter=view.condition) if view.condition else Count("pk")
        for view in views_for(actor)
    }
    return selectors.worklist(actor=actor).aggregate(
        **totals,
        count_waiting=Count("pk", filter=Q(status=Status.RECEIVED)),
        count_running=Count("pk", filter=Q(status=Status.RUNNING)),
        oldest_unread=Min("received_at", filter=UNREAD),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One study, ready to be written down."""

    entry: WorklistEntry
    state: str
    """`done`, `refused`, `failed`, `running` or `waiting`."""
    finding: str = ""
    note: str = ""
    operating_point: float | None = None
    status: str = ""

    @property
    def leading(self) -> bool:
        """Whether the probability reaches its operating point."""
        return (
            self.entry.probability is not None
            and self.operating_point is not None
            and self.entry.probability >= self.operating_point
        )


def rows_of(entries: Iterable[WorklistEntry], *, actor: Actor) -> list[Row]:
    """Put entries into words, withholding results where the actor may not see them."""
    entries = list(entries)
    headlines = _headlines(entries, actor=actor)
    return [_row(entry, headlines.get(entry.study_id), actor=actor) for entry in entries]


def _headlines(entries: list[WorklistEntry], *, actor: Actor) -> dict[int, Diagnosis]:
    """Return the headline diagnoses of these entries by study, with their findings, in two queries."""
    ids = [entry.headline_id for entry in entries if entry.headline_id]
    if not ids:
        return {}
    found = Diagnosis.objects.filter(pk__in=ids).prefetch_related("findings")
    by_id = {diagnosis.pk: diagnosis for diagnosis in found}
    return {entry.study_id: by_id[entry.headline_id] for entry in entries if entry.headline_id in by_id}


def _row(entry: WorklistEntry, headline: Diagnosis | None, *, actor: Actor) -> Row:
    if entry.status == Status.RECEIVED:
        return Row(entry, "waiting", status="Waiting", note="Waiting for its turn")
    if entry.status == Status.RUNNING:
        return Row(entry, "running", status="Classifying", note="Classifying")
    if entry.status == Status.FAILED:
        return Row(entry, "failed", status="Failed", note="Could not be classified; open it to try again")
    if entry.status == Status.REJECTED:
        reasons = headline.rejections if headline else []
        note = wording.rejection_explained(reasons[0]["code"]).reason if reasons else "Not fit for the model"
        return Row(entry, "refused", status="Refused", note=note)
    if not actor.may(Right.VIEW_RESULTS):
        return Row(entry, "done", status="Classified", note="Classified; results are for readers")
    read = "Unread"
    if entry.reviewed_at is not None:
        read = "Corrected" if entry.verdict == Review.Verdict.DISAGREE else "Agreed"
    if entry.label == INCONCLUSIVE:
        kept = list(headline.prediction_set) if headline else []
        return Row(
            entry, "done", finding=wording.finding_name(entry.label), note=wording.either(kept), status=read
        )
    findings = {finding.label: finding for finding in headline.findings.all()} if headline else {}
    finding = findings.get(entry.label)
    return Row(
        entry,
        "done",
        finding=wording.finding_name(entry.label),
        operating_point=finding.operating_point if finding else None,
        status=read,
    )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The studies before and after one in a search; None at an end."""

    previous: int | None
    next: int | None


def neighbours_of(entry: WorklistEntry, *, actor: Actor, search: Search) -> Neighbours:
    """Return the studies on either side of an entry, which itself need not be in the list any more."""
    names, descending = selectors.worklist_keyset(actor=actor, ordering="triage")
    entries = entries_found(actor=actor, search=search)
    key = Tuple(*(F(name) for name in names))
    values = tuple(getattr(entry, name) for name in names)
    greater, less = entries.filter(TupleGreaterThan(key, values)), entries.filter(TupleLessThan(key, values))
    upward = greater.order_by(*names).values_list("study_id", flat=True)
    downward = less.order_by(*(f"-{name}" for name in names)).values_list("study_id", flat=True)
    before, after = (upward, downward) if descending else (downward, upward)
    return Neighbours(previous=before.first(), next=after.first())


def oldest_wait(counts: dict[str, Any], now: datetime | None = None) -> str:
    """Write how long the oldest unread study has waited; empty when none does."""
    return wording.duration(counts.get("oldest_unread"), now)
