"""RELIABILITY's matrix: who may do what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, Permission

from apps.accounts.access import Actor
from apps.accounts.models import User
from apps.accounts.roles import ADMINISTERED, RIGHTS_OF_ROLE, Right, Role
from apps.accounts.scopes import SCOPES, rights_of_scopes
from apps.accounts.services import AccountError, roles_sync, user_deactivate, user_role_change
from apps.audit.models import AuditEvent
from apps.core.errors import NotPermittedError

R = Right
MATRIX = {
    Role.CLINICIAN: {R.VIEW_IMAGES, R.UPLOAD, R.VIEW_STATUS, R.VIEW_RESULTS, R.REVIEW},
    Role.RADIOLOGIST: {
        R.VIEW_IMAGES,
        R.UPLOAD,
        R.VIEW_STATUS,
        R.VIEW_RESULTS,
        R.REVIEW,
        R.SIGN,
        R.VIEW_MODELS,
    },
    Role.TECHNICIAN: {R.VIEW_IMAGES, R.UPLOAD, R.VIEW_STATUS},
    Role.DATA_SCIENTIST: {R.VIEW_MODELS, R.TRAIN, R.VIEW_DATASETS},
    Role.ADMINISTRATOR: {R.VIEW_MODELS, R.PROMOTE, R.CONFIGURE, R.VIEW_AUDIT, R.BREAK_GLASS},
    Role.INTEGRATOR: {R.VIEW_IMAGES, R.UPLOAD, R.VIEW_STATUS, R.VIEW_RESULTS, R.REVIEW, R.VIEW_MODELS},
}


@pytest.mark.parametrize("role", Role)
def test_each_role_may_exactly_what_the_matrix_says(role: Role, person: Callable[[Role], User]) -> None:
    user = person(role)
    actor = Actor.of_user(user, source="192.0.2.1")

    assert actor.rights == MATRIX[role]
    assert (actor.name, actor.role, actor.user_id, actor.source) == (user.email, role, user.pk, "192.0.2.1")
    for right in Right:
        assert user.has_perm(right) is (right in MATRIX[role])
        assert actor.may(right) is (right in MATRIX[role])
    assert user.is_staff is (role is Role.ADMINISTRATOR)
    assert not user.is_superuser


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_what_both_its_scope_and_its_role_allow(
    role: Role, scope: str, person: Callable[[Role], User]
) -> None:
    actor = Actor.of_user(person(role), scopes=[scope])

    assert actor.rights == MATRIX[role] & rights_of_scopes([scope])


def test_no_scope_reaches_configuration_or_emergency_access() -> None:
    assert not rights_of_scopes(SCOPES) & {R.CONFIGURE, R.BREAK_GLASS}
    assert rights_of_scopes(["studies:delete"]) == frozenset()


def test_require_names_the_missing_right(person: Callable[[Role], User]) -> None:
    technician = Actor.of_user(person(Role.TECHNICIAN))

    technician.require(Right.UPLOAD)
    with pytest.raises(NotPermittedError, match="See results"):
        technician.require(Right.VIEW_RESULTS)


def test_nobody_and_the_closed_may_nothing_and_the_platform_all(person: Callable[[Role], User]) -> None:
    user = person(Role.RADIOLOGIST)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert Actor.of_user(User.objects.get(pk=user.pk)).rights == frozenset()
    assert Actor.of_user(AnonymousUser()).rights == frozenset()
    assert Actor.system("worker").rights == frozenset(Right)


def test_sync_takes_back_what_a_group_should_not_have(db: None) -> None:
    technicians = Group.objects.get(name=Role.TECHNICIAN)
    technicians.permissions.add(Permission.objects.get(codename="view_results"))

    roles_sync()
    roles_sync()

    held = {f"accounts.{codename}" for codename in technicians.permissions.values_list("codename", flat=True)}
    assert held == {right.value for right in RIGHTS_OF_ROLE[Role.TECHNICIAN]}


def test_administrators_look_at_everything_and_change_only_what_is_named(administrator: User) -> None:
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("apps.")}
    held = administrator.get_all_permissions() - {right.value for right in Right}
    changing = {permission for permission in held if ".view_" not in permission}

    expected = {
        f"{label.partition('.')[0]}.{verb}_{label.partition('.')[2]}"
        for label, verbs in ADMINISTERED.items()
        for verb in verbs
    }
    assert changing == expected
    for model in apps.get_models():
        if model._meta.app_label in ours:
            assert f"{model._meta.app_label}.view_{model._meta.model_name}" in held


def test_a_changed_role_applies_at_once_and_is_recorded(
    administrator: User, person: Callable[[Role], User]
) -> None:
    user = person(Role.CLINICIAN)

    user_role_change(user=user, role=Role.RADIOLOGIST, by=Actor.of_user(administrator))

    fresh = User.objects.get(pk=user.pk)
    assert fresh.role is Role.RADIOLOGIST
    assert Actor.of_user(fresh).may(Right.SIGN)
    event = AuditEvent.objects.get(action="role_changed")
    assert (event.actor, event.object_id) == (administrator.email, str(user.pk))
    assert event.detail == {"from": "clinician", "to": "radiologist"}


def test_only_administrators_change_roles_and_the_last_one_stays(
    administrator: User, person: Callable[[Role], User]
) -> None:
    clinician = person(Role.CLINICIAN)
    with pytest.raises(NotPermittedError):
        user_role_change(user=clinician, role=Role.ADMINISTRATOR, by=Actor.of_user(clinician))
    by = Actor.of_user(administrator)
    with pytest.raises(AccountError, match="last administrator"):
        user_role_change(user=administrator, role=Role.CLINICIAN, by=by)
    with pytest.raises(AccountError, match="last administrator"):
        user_deactivate(user=administrator, by=by)
