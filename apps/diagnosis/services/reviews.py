"""A reader's verdict."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import NotPermittedError, PermanentError
from apps.diagnosis.models import Diagnosis, Review
from apps.diagnosis.services.worklist import worklist_refresh
from apps.diagnosis.signals import review_recorded


class ReviewError(PermanentError):
    """The verdict cannot be recorded so."""


@transaction.atomic
def review_record(
    *, diagnosis: Diagnosis, actor: Actor, verdict: str, label: str = "", comment: str = ""
) -> Review:
    """Record that a reader agrees with a diagnosis, or which finding the reader sees instead.

    Raises `NotPermittedError` without the right or for an actor who is no person, and `ReviewError` when
    the diagnosis has no result, is superseded, or the label is not in its version's vocabulary.
    """
    actor.require(Right.REVIEW)
    if actor.user_id is None:
        raise NotPermittedError(f"{actor.name} is no account: a review needs a reader.")
    if verdict not in Review.Verdict.values:
        raise ReviewError(f"The verdict {verdict!r} is unknown: expected agree or disagree.")
    comment_limit = Review._meta.get_field("comment").max_length or 0
    if len(comment) > comment_limit:
        raise ReviewError(f"The comment has {len(comment)} characters; at most {comment_limit} are kept.")
    held = Diagnosis.objects.select_for_update().get(pk=diagnosis.pk)
    if held.status != Diagnosis.Status.COMPLETED or held.model_version is None:
        raise ReviewError("Only a completed diagnosis has a result to agree or disagree with.")
    if not held.current:
        raise ReviewError("A newer diagnosis has taken this one's place; review that one.")
    label = _reviewed_label(held, Review.Verdict(verdict), label, held.model_version.labels)
    review = Review.objects.create(
        diagnosis=held, reviewer_id=actor.user_id, verdict=verdict, label=label, comment=comment
    )
    worklist_refresh(study=held.instance.series.study)
    event_record(
        action="reviewed",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="diagnosis",
        object_id=str(held.pk),
        detail={"review": review.pk, "verdict": verdict},
    )
    review_recorded.send(sender=Review, review=review)
    return review


def _reviewed_label(diagnosis: Diagnosis, verdict: Review.Verdict, label: str, vocabulary: list[str]) -> str:
    """Return the finding that the reader stands by."""
    if verdict == Review.Verdict.AGREE:
        if label not in {"", diagnosis.label}:
            raise ReviewError(f"Agreeing means {diagnosis.label!r}; to say {label!r}, disagree.")
        return diagnosis.label
    if label not in vocabulary:
        raise ReviewError(f"Name what you see instead: one of {', '.join(vocabulary)}; got {label!r}.")
    if label == diagnosis.label:
        raise ReviewError(f"The result says {label!r} too; to confirm it, agree.")
    return label
