"""Aliases move from version to version; every move is kept with who, when and why."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError, NotPermittedError, PermanentError
from apps.registry.gate import makers_of, objections_to
from apps.registry.models import Alias, AliasChange, ModelVersion, RegisteredModel
from apps.registry.selectors import challenger, previous_champion
from apps.registry.signals import champion_changed


class PromotionError(PermanentError):
    """The alias cannot move so."""


class PromotionBlockedError(PromotionError):
    """The gate has objections, each a sentence in `objections`; who may promote can override them."""

    def __init__(self, version: ModelVersion, objections: Sequence[str]) -> None:
        self.objections = tuple(objections)
        super().__init__(
            f"{version} is not promoted. {' '.join(objections)} Settle this first, or override it with a "
            "reason; the override is kept and shown with the version."
        )


def model_promote(*, version: ModelVersion, reason: str, actor: Actor, override: bool = False) -> AliasChange:
    """Make a version its model's champion; a challenger that becomes champion is challenger no more.

    Raises `NotPermittedError` without the right, and for one's own version: who makes a model does not
    approve it. Raises `PromotionBlockedError` when the gate objects (`gate.objections_to`) and `override` is
    false; with it, what was overridden is kept with the move.
    """
    actor.require(Right.PROMOTE)
    if actor.name in makers_of(version):
        raise NotPermittedError(f"{version} was made by {actor.name}: another person must approve it.")
    objections = objections_to(version)
    if objections and not override:
        raise PromotionBlockedError(version, objections)
    with transaction.atomic():
        change = alias_move(
            model=version.model,
            alias=Alias.Name.CHAMPION,
            to_version=version,
            by=actor.name,
            reason=reason,
            overridden=objections,
        )
        if challenger(version.model.name) == version:
            alias_move(
                model=version.model,
                alias=Alias.Name.CHALLENGER,
                to_version=None,
                by=actor.name,
                reason=f"{version} became champion.",
            )
    return change


def model_rollback(*, model: RegisteredModel, reason: str, actor: Actor) -> AliasChange:
    """Give `champion` back to the version that had it before the last promotion.

    The gate is not asked: going back must never wait. Raises `NotPermittedError` without the right and
    `PromotionError` when there was no champion before.
    """
    actor.require(Right.PROMOTE)
    with transaction.atomic():
        previous = previous_champion(model)
        if previous is None:
            raise PromotionError(f"{model} has had no other champion: there is nothing to go back to.")
        return alias_move(
            model=model,
            alias=Alias.Name.CHAMPION,
            to_version=previous,
            by=actor.name,
            reason=reason,
            is_rollback=True,
        )


def model_challenge(*, version: ModelVersion, reason: str, actor: Actor) -> AliasChange:
    """Let a version score every new image in the champion's shadow, unseen by readers.

    Neither the gate nor a second person is asked, since nobody reads its answers. Raises
    `NotPermittedError` without the right and `PromotionError` when it is the champion or the challenger.
    """
    actor.require(Right.PROMOTE)
    if version.aliases.filter(name=Alias.Name.CHAMPION).exists():
        raise PromotionError(f"{version} is the champion: it cannot challenge itself.")
    return alias_move(
        model=version.model, alias=Alias.Name.CHALLENGER, to_version=version, by=actor.name, reason=reason
    )


def model_challenge_end(*, model: RegisteredModel, reason: str, actor: Actor) -> AliasChange:
    """Take the challenger out of the shadow; what it scored is kept.

    Raises `NotPermittedError` without the right and `PromotionError` when there is no challenger.
    """
    actor.require(Right.PROMOTE)
    return alias_move(model=model, alias=Alias.Name.CHALLENGER, to_version=None, by=actor.name, reason=reason)


def alias_move(
    *,
    model: RegisteredModel,
    alias: Alias.Name,
    to_version: ModelVersion | None,
    by: str,
    reason: str,
    is_rollback: bool = False,
    overridden: Sequence[str] = (),
) -> AliasChange:
    """Move an alias from where it is to `to_version`, or to nothing, and keep who, when and why.

    Raises `PromotionError` when it is there already or the version is another model's, and
    `ConflictError` when somebody else moved it meanwhile.
    """
    if to_version is not None and to_version.model_id != model.pk:
        raise PromotionError(f"{to_version} is not a version of {model}.")
    if not reason.strip():
        raise PromotionError("Say why: the reason is kept with the move.")
    with transaction.atomic():
        row = Alias.objects.filter(model=model, name=alias).select_related("version__model").first()
        from_version = row.version if row else None
        if from_version == to_version:
            there = f"{to_version} is the {alias.value} already."
            raise PromotionError(there if to_version else f"{model} has no {alias.value}.")
        _alias_point(model, alias, from_version, to_version)
        change = AliasChange.objects.create(
            model=model,
            alias=alias,
            from_version=from_version,
            to_version=to_version,
            by=by,
            reason=reason,
            is_rollback=is_rollback,
            overridden=list(overridden),
        )
        event_record(
            action="alias_moved",
            actor=by,
            object_type="model_version",
            object_id=str(to_version or from_version),
            detail={
                "alias": alias.value,
                "from": str(from_version or ""),
                "to": str(to_version or ""),
                "reason": reason,
                "rollback": is_rollback,
                "overridden": list(overridden),
            },
        )
        if alias == Alias.Name.CHAMPION:
            champion_changed.send(sender=ModelVersion, model=model, version=to_version)
    return change


def _alias_point(
    model: RegisteredModel,
    alias: Alias.Name,
    from_version: ModelVersion | None,
    to_version: ModelVersion | None,
) -> None:
    """Compare and set the alias; raises `ConflictError` when it no longer is where it was read."""
    there = Alias.objects.filter(model=model, name=alias, version=from_version)
    if to_version is None:
        moved = bool(there.delete()[0])
    elif from_version is None:
        _, moved = Alias.objects.get_or_create(model=model, name=alias, defaults={"version": to_version})
    else:
        moved = bool(there.update(version=to_version))
    if not moved:
        raise ConflictError(f"{model}@{alias.value} was moved by somebody else; look again and repeat.")
