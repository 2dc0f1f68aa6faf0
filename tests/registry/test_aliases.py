"""Versions never change, aliases move, every move is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.access import Actor
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.audit.models import AuditEvent
from apps.core.errors import ConflictError, NotPermittedError
from apps.registry.models import Alias, AliasChange, ModelVersion, UnchangeableError
from apps.registry.selectors import (
    VersionNotFoundError,
    alias_history,
    challenger,
    champion,
    version_from_reference,
    versions_visible_to,
)
from apps.registry.services import (
    PromotionError,
    model_challenge,
    model_challenge_end,
    model_promote,
    model_rollback,
)
from apps.registry.services.aliases import _alias_point
from apps.registry.signals import champion_changed

pytestmark = pytest.mark.django_db
MakeVersion = Callable[..., ModelVersion]


def test_promotion_moves_champion_and_says_so(make_version: MakeVersion, administrator: Actor) -> None:
    version = make_version()
    heard: list[ModelVersion] = []

    def hear(version: ModelVersion, **_: Any) -> None:
        heard.append(version)

    champion_changed.connect(hear)
    change = model_promote(version=version, reason="Better on our images", actor=administrator)

    assert champion() == version
    assert heard == [version]
    assert (change.from_version, change.to_version, change.by) == (None, version, administrator.name)
    event = AuditEvent.objects.get(action="alias_moved")
    assert (event.object_id, event.detail["reason"]) == ("cxr:1", "Better on our images")


def test_rolling_back_twice_goes_back_two_promotions(make_version: MakeVersion, administrator: Actor) -> None:
    versions = [make_version() for _ in range(3)]
    model = versions[0].model
    for version in versions:
        model_promote(version=version, reason="newer", actor=administrator)

    model_rollback(model=model, reason="worse", actor=administrator)
    assert champion() == versions[1]
    model_rollback(model=model, reason="worse too", actor=administrator)
    assert champion() == versions[0]
    with pytest.raises(PromotionError, match="nothing to go back to"):
        model_rollback(model=model, reason="and further", actor=administrator)
    assert [change.is_rollback for change in alias_history(model)] == [True, True, False, False, False]


def test_a_version_promoted_again_can_be_rolled_back_again(
    make_version: MakeVersion, administrator: Actor
) -> None:
    first, second = make_version(), make_version()
    for version in (first, second, first):
        model_promote(version=version, reason="try", actor=administrator)

    model_rollback(model=first.model, reason="no", actor=administrator)

    assert champion() == second


def test_who_makes_a_version_does_not_approve_it(make_version: MakeVersion, administrator: Actor) -> None:
    with pytest.raises(NotPermittedError, match="another person"):
        model_promote(version=make_version(by=administrator.name), reason="mine", actor=administrator)


def test_promotion_needs_the_right(make_version: MakeVersion) -> None:
    scientist = Actor("ds@example.org", Role.DATA_SCIENTIST, RIGHTS_OF_ROLE[Role.DATA_SCIENTIST])
    version = make_version()

    with pytest.raises(NotPermittedError):
        model_promote(version=version, reason="please", actor=scientist)
    with pytest.raises(NotPermittedError):
        model_rollback(model=version.model, reason="please", actor=scientist)
    assert list(versions_visible_to(scientist)) == [version]
    assert not versions_visible_to(Actor("nobody", None, frozenset())).exists()


def test_moves_that_make_no_sense_are_refused(make_version: MakeVersion, administrator: Actor) -> None:
    version = make_version()
    model_promote(version=version, reason="first", actor=administrator)

    with pytest.raises(PromotionError, match="already"):
        model_promote(version=version, reason="again", actor=administrator)
    with pytest.raises(PromotionError, match="Say why"):
        model_promote(version=make_version(), reason=" ", actor=administrator)
    assert AliasChange.objects.count() == 1


def test_a_move_from_where_the_alias_no_longer_is_conflicts(
    make_version: MakeVersion, administrator: Actor
) -> None:
    """Somebody else's move lands between our reading and our writing."""
    first, second, third = (make_version() for _ in range(3))
    for version in (first, second):
        model_promote(version=version, reason="newer", actor=administrator)

    with pytest.raises(ConflictError, match="somebody else"):
        _alias_point(first.model, Alias.Name.CHAMPION, first, third)

    assert champion() == second


def test_challenger_moves_without_touching_champion(make_version: MakeVersion, administrator: Actor) -> None:
    version = make_version(audit={})

    model_challenge(version=version, reason="See how it does", actor=administrator)

    assert champion() is None
    assert version_from_reference("cxr@challenger") == version


def test_a_challenger_can_be_taken_out_of_the_shadow(make_version: MakeVersion, administrator: Actor) -> None:
    version = make_version()
    model_challenge(version=version, reason="See how it does", actor=administrator)

    change = model_challenge_end(model=version.model, reason="Seen enough", actor=administrator)

    assert challenger() is None
    assert (change.from_version, change.to_version) == (version, None)
    with pytest.raises(PromotionError, match="has no challenger"):
        model_challenge_end(model=version.model, reason="again", actor=administrator)


def test_a_challenger_that_becomes_champion_leaves_the_shadow(
    make_version: MakeVersion, administrator: Actor
) -> None:
    version = make_version()
    model_challenge(version=version, reason="See how it does", actor=administrator)

    model_promote(version=version, reason="It did well", actor=administrator)

    assert (champion(), challenger()) == (version, None)
    with pytest.raises(PromotionError, match="cannot challenge itself"):
        model_challenge(version=version, reason="again", actor=administrator)


def test_what_was_in_production_is_not_rewritten(make_version: MakeVersion, administrator: Actor) -> None:
    change = model_promote(version=make_version(), reason="first", actor=administrator)

    change.reason = "Because I say so"
    rewritings: list[Callable[[], object]] = [
        change.save,
        change.delete,
        AliasChange.objects.all().delete,
        lambda: AliasChange.objects.update(reason="Another"),
    ]
    for rewriting in rewritings:
        with pytest.raises(UnchangeableError):
            rewriting()
    assert AliasChange.objects.get().reason == "first"


def test_of_a_registered_version_only_what_is_learned_changes(make_version: MakeVersion) -> None:
    version = make_version()

    version.labels = ["normal"]
    changes: list[Callable[[], object]] = [
        version.save,
        version.delete,
        lambda: version.save(update_fields=["labels", "audit"]),
    ]
    for change in changes:
        with pytest.raises(UnchangeableError):
            change()


@pytest.mark.parametrize("reference", ["cxr:9", "cxr@champion", "other:1", "cxr", "cxr:1; DROP TABLE", ""])
def test_a_reference_to_nothing_is_said_so(reference: str, make_version: MakeVersion) -> None:
    version = make_version()

    assert version_from_reference("cxr:1") == version
    with pytest.raises(VersionNotFoundError):
        version_from_reference(reference)
