"""Readers agree or correct; a diagnosis can be asked for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, NotPermittedError
from apps.diagnosis.models import Diagnosis, Review, WorklistEntry
from apps.diagnosis.services import ReviewError, diagnosis_retry, review_record
from apps.diagnosis.signals import review_recorded
from tests.diagnosis.conftest import ActorMaker

pytestmark = pytest.mark.django_db
Verdict = Review.Verdict


@pytest.fixture
def completed(make_queued: Callable[..., Diagnosis]) -> Diagnosis:
    """A completed diagnosis that says normal."""
    diagnosis = make_queued()
    token = Diagnosis.objects.claim(diagnosis.pk)
    assert token is not None
    Diagnosis.objects.leased(diagnosis.pk, token).finish(Diagnosis.Status.COMPLETED, label="normal", triage=3)
    diagnosis.refresh_from_db()
    return diagnosis


def test_agreeing_is_recorded_shown_and_audited(completed: Diagnosis, actor_of: ActorMaker) -> None:
    actor = actor_of(Role.RADIOLOGIST)
    heard: list[Review] = []

    def hear(review: Review, **_: Any) -> None:
        heard.append(review)

    review_recorded.connect(hear)
    review = review_record(diagnosis=completed, actor=actor, verdict="agree")

    assert (review.label, review.reviewer_id) == ("normal", actor.user_id)
    assert heard == [review]
    entry = WorklistEntry.objects.get()
    assert entry.verdict == Verdict.AGREE
    assert entry.reviewed_at is not None
    event = AuditEvent.objects.get(action="reviewed")
    assert (event.actor, event.object_id) == (actor.name, str(completed.pk))


def test_the_newest_review_counts(completed: Diagnosis, actor_of: ActorMaker) -> None:
    actor = actor_of(Role.CLINICIAN)
    review_record(diagnosis=completed, actor=actor, verdict="agree")
    review_record(diagnosis=completed, actor=actor, verdict="disagree", label="covid19", comment="Look again")

    assert WorklistEntry.objects.get().verdict == Verdict.DISAGREE
    assert completed.reviews.count() == 2


@pytest.mark.parametrize(
    ("verdict", "label", "message"),
    [
        ("maybe", "", "expected agree or disagree"),
        ("disagree", "", "Name what you see instead"),
        ("disagree", "fracture", "Name what you see instead"),
        ("disagree", "normal", "to confirm it, agree"),
        ("agree", "covid19", "to say 'covid19', disagree"),
    ],
)
def test_what_makes_no_sense_is_refused(
    completed: Diagnosis, actor_of: ActorMaker, verdict: str, label: str, message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        review_record(diagnosis=completed, actor=actor_of(Role.CLINICIAN), verdict=verdict, label=label)


def test_a_comment_has_a_limit(completed: Diagnosis, actor_of: ActorMaker) -> None:
    with pytest.raises(ReviewError, match="4001 characters"):
        review_record(
            diagnosis=completed, actor=actor_of(Role.CLINICIAN), verdict="agree", comment="x" * 4001
        )


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.DATA_SCIENTIST, Role.ADMINISTRATOR])
def test_only_readers_review(completed: Diagnosis, actor_of: ActorMaker, role: Role) -> None:
    with pytest.raises(NotPermittedError):
        review_record(diagnosis=completed, actor=actor_of(role), verdict="agree")


def test_the_platform_itself_is_no_reader(completed: Diagnosis) -> None:
    with pytest.raises(NotPermittedError, match="needs a reader"):
        review_record(diagnosis=completed, actor=Actor.system("worker"), verdict="agree")


def test_only_results_are_reviewed(make_queued: Callable[..., Diagnosis], actor_of: ActorMaker) -> None:
    with pytest.raises(ReviewError, match="Only a completed diagnosis"):
        review_record(diagnosis=make_queued(), actor=actor_of(Role.CLINICIAN), verdict="agree")


def test_retry_supersedes_and_starts_unreviewed(completed: Diagnosis, actor_of: ActorMaker) -> None:
    actor = actor_of(Role.CLINICIAN)
    review_record(diagnosis=completed, actor=actor, verdict="agree")

    newer = diagnosis_retry(diagnosis=completed, actor=actor)

    completed.refresh_from_db()
    assert (completed.superseded_by, completed.current) == (newer, None)
    assert list(Diagnosis.objects.current()) == [newer]
    entry = WorklistEntry.objects.get()
    assert (entry.status, entry.label, entry.verdict) == ("received", "", "")
    assert AuditEvent.objects.filter(action="retried", object_id=str(completed.pk)).count() == 1
    with pytest.raises(ReviewError, match="newer diagnosis"):
        review_record(diagnosis=completed, actor=actor, verdict="agree")


def test_retry_of_what_is_under_way_or_superseded_conflicts(
    completed: Diagnosis, actor_of: ActorMaker
) -> None:
    actor = actor_of(Role.ADMINISTRATOR)
    newer = diagnosis_retry(diagnosis=completed, actor=actor)

    for diagnosis in (completed, newer):
        with pytest.raises(ConflictError):
            diagnosis_retry(diagnosis=diagnosis, actor=actor)
    assert Diagnosis.objects.count() == 2


def test_a_technician_may_not_retry(completed: Diagnosis, actor_of: ActorMaker) -> None:
    with pytest.raises(NotPermittedError):
        diagnosis_retry(diagnosis=completed, actor=actor_of(Role.TECHNICIAN))
