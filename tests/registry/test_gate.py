"""A version that its audit or the comparison speaks against is promoted only knowingly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.access import Actor
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.audit.models import AuditEvent
from apps.core.errors import NotPermittedError
from apps.registry.gate import objections_to
from apps.registry.models import SYSTEM, AliasChange, ModelVersion
from apps.registry.selectors import champion
from apps.registry.services import (
    ComparisonError,
    PromotionBlockedError,
    model_promote,
    version_audit_keep,
    version_comparison_keep,
)

pytestmark = pytest.mark.django_db
MakeVersion = Callable[..., ModelVersion]

FAILED = {
    "verdict": "fail",
    "summary": "1 of 3 checks passed; failed: A3, A8.",
    "checks": [
        {"code": "A1", "name": "Better than knowing the source", "verdict": "pass"},
        {"code": "A3", "name": "Lungs blacked out", "verdict": "fail"},
        {
            "code": "A8",
            "name": "Sanity of the explanation",
            "verdict": "inherited",
            "details": {"inherited_verdict": "fail"},
        },
    ],
}


def comparison(verdict: str, **rows: str) -> dict[str, Any]:
    """Give a comparison with these verdicts by metric."""
    return {
        "champion": "cxr:1",
        "n": 100,
        "verdict": verdict,
        "rows": [{"metric": metric, "verdict": said} for metric, said in rows.items()],
    }


@pytest.mark.parametrize(
    ("known", "objection"),
    [
        ({"audit": {}}, "It has not been audited here: run `manage.py audit_model cxr:1 …`."),
        ({"audit": {}, "imported": {"audit": {"verdict": "pass"}}}, "with its archive does not count"),
        ({"audit": FAILED}, "audit failed: A3 (Lungs blacked out), A8 (Sanity of the explanation)."),
        (
            {"comparison": comparison("worse", accuracy="worse", brier="cannot tell")},
            "It is worse than cxr:1 on the same images in accuracy.",
        ),
    ],
    ids=["no audit", "imported audit", "failed audit", "worse"],
)
def test_each_objection_blocks_until_it_is_overridden(
    known: dict[str, Any], objection: str, make_version: MakeVersion, administrator: Actor
) -> None:
    version = make_version(**known)

    with pytest.raises(PromotionBlockedError) as blocked:
        model_promote(version=version, reason="I like it", actor=administrator)
    assert len(blocked.value.objections) == 1
    assert objection in str(blocked.value)
    assert champion() is None

    model_promote(version=version, reason="I know better", actor=administrator, override=True)
    change = AliasChange.objects.get()
    assert champion() == version
    assert (change.reason, change.overridden) == ("I know better", list(blocked.value.objections))
    assert AuditEvent.objects.get(action="alias_moved").detail["overridden"] == change.overridden


@pytest.mark.parametrize("verdict", ["better", "cannot tell"])
def test_what_is_not_worse_does_not_block(
    verdict: str, make_version: MakeVersion, administrator: Actor
) -> None:
    version = make_version(comparison=comparison(verdict, accuracy=verdict))

    change = model_promote(version=version, reason="fine", actor=administrator, override=True)

    assert change.overridden == []


def test_a_warning_does_not_block(make_version: MakeVersion) -> None:
    assert objections_to(make_version(audit={"verdict": "warn", "checks": FAILED["checks"]})) == []


def test_only_the_version_that_came_with_the_release_needs_no_audit(make_version: MakeVersion) -> None:
    assert objections_to(make_version(by=SYSTEM, audit={})) == []
    assert len(objections_to(make_version(by=SYSTEM, audit={}))) == 1


def test_who_asked_for_the_training_does_not_approve_it_either(
    make_version: MakeVersion, administrator: Actor
) -> None:
    version = make_version(lineage={"requested_by": administrator.name})

    with pytest.raises(NotPermittedError, match="another person"):
        model_promote(version=version, reason="mine", actor=administrator, override=True)


def test_audit_and_comparison_are_kept_and_told(make_version: MakeVersion) -> None:
    version, worker = make_version(audit={}), Actor.system("trainer")

    version_audit_keep(version=version, audit=FAILED, actor=worker)
    version_comparison_keep(version=version, comparison=comparison("worse", ece="worse"), actor=worker)

    version = ModelVersion.objects.get()
    assert len(objections_to(version)) == 2
    told = AuditEvent.objects.get(action="model_compared")
    assert (told.object_id, told.detail) == ("cxr:1", {"champion": "cxr:1", "verdict": "worse"})


@pytest.mark.parametrize(
    "wrong",
    [{}, comparison("great"), comparison("better", accuracy="splendid"), {"verdict": "better", "rows": []}],
)
def test_what_is_no_comparison_is_not_kept(wrong: dict[str, Any], make_version: MakeVersion) -> None:
    with pytest.raises(ComparisonError, match="cannot tell"):
        version_comparison_keep(version=make_version(), comparison=wrong, actor=Actor.system("trainer"))


@pytest.fixture
def approver(db: None) -> User:
    """Somebody with an account who may promote."""
    roles_sync()
    return user_create(
        email="approver@example.org", role=Role.ADMINISTRATOR, password="p4ss-Word-1", by="test"
    )


def test_the_command_lists_what_blocks_and_what_was_overridden(
    make_version: MakeVersion, approver: User, capsys: pytest.CaptureFixture[str]
) -> None:
    make_version(audit=FAILED)
    words = ["cxr:1", "--reason", "urgent", "--by", approver.email]

    with pytest.raises(CommandError, match="Lungs blacked out"):
        call_command("promote_model", *words)
    call_command("promote_model", *words, "--override")

    said = capsys.readouterr().out
    assert "Overridden: Its audit failed" in said
    assert "cxr:1 is champion now; before: none." in said


def test_the_command_moves_and_ends_a_challenger(
    make_version: MakeVersion, approver: User, capsys: pytest.CaptureFixture[str]
) -> None:
    make_version()
    call_command("challenge_model", "cxr:1", "--reason", "look", "--by", approver.email)
    call_command("challenge_model", "--end", "--reason", "seen", "--by", approver.email)

    assert capsys.readouterr().out.splitlines() == [
        "Challenger: cxr:1; before: none.",
        "Challenger: none; before: cxr:1.",
    ]
