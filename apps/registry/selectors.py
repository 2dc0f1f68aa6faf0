"""Reading the registry: who is champion, which version a reference means, where its folder is."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import PermanentError
from apps.registry.engine import folder_check
from apps.registry.models import Alias, AliasChange, ModelVersion, RegisteredModel

DEFAULT_MODEL = "cxr"
"""The name under which the bundled model is kept."""

_REFERENCE = re.compile(r"(?P<model>[a-z0-9_-]{1,40})(?::(?P<number>[0-9]{1,9})|@(?P<alias>[a-z]{1,10}))")


class VersionNotFoundError(PermanentError):
    """No registered version answers to this reference."""


def champion(name: str = DEFAULT_MODEL) -> ModelVersion | None:
    """Return the version that gives the results, or None before the first one is registered."""
    return _at(Alias.Name.CHAMPION, name)


def challenger(name: str = DEFAULT_MODEL) -> ModelVersion | None:
    """Return the version that runs in the champion's shadow, or None."""
    return _at(Alias.Name.CHALLENGER, name)


def version_from_reference(reference: str) -> ModelVersion:
    """Return the version that `cxr:3` or `cxr@champion` names; raises `VersionNotFoundError`."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise VersionNotFoundError(f"{reference!r} names no model: expected, say, cxr:3 or cxr@champion.")
    versions = ModelVersion.objects.select_related("model").filter(model__name=match["model"])
    if match["number"]:
        version = versions.filter(number=int(match["number"])).first()
    else:
        version = versions.filter(aliases__name=match["alias"]).first()
    if version is None:
        raise VersionNotFoundError(f"{reference!r} is not registered; Django admin lists what is.")
    return version


def version_parent(version: ModelVersion) -> ModelVersion | None:
    """Return the registered version that this one was trained on from, if there is one."""
    parent = version.lineage.get("parent") or {}
    return (
        ModelVersion.objects.select_related("model")
        .filter(model=version.model, sha256=parent.get("sha256", ""))
        .first()
    )


def version_folder(version: ModelVersion) -> Path:
    """Return where the version's artifacts lie; whether they are intact is checked before they are opened."""
    return Path(settings.MODELS_DIR) / version.folder


def version_has(version: ModelVersion, name: str) -> bool:
    """Tell whether the version came with a file of that name."""
    return (version_folder(version) / name).is_file()


def version_text(version: ModelVersion, name: str) -> str:
    """Return one of the version's texts, empty when it came with none; every file of the folder is checked.

    Raises `ModelVersionError` when the folder is no longer what was registered.
    """
    return folder_check(version_folder(version), expected_sha256=version.sha256).text(name)


def versions_visible_to(actor: Actor) -> QuerySet[ModelVersion]:
    """Return the versions that the actor may see: all of them, or none."""
    versions = ModelVersion.objects.select_related("model").prefetch_related("aliases")
    return versions if actor.may(Right.VIEW_MODELS) else versions.none()


def alias_history(model: RegisteredModel) -> QuerySet[AliasChange]:
    """Return every move of the model's aliases, newest first."""
    return model.alias_changes.select_related("from_version__model", "to_version__model")


def previous_champion(model: RegisteredModel) -> ModelVersion | None:
    """Return the version that a roll-back would restore.

    Promotions stack up and each roll-back takes the top one off, so that rolling back twice goes
    back two promotions instead of returning to the version that disappointed.
    """
    return next(iter(former_champions(model)), None)


def former_champions(model: RegisteredModel) -> list[ModelVersion]:
    """Return the versions that roll-backs would restore one after the other."""
    stack: list[ModelVersion] = []
    moves = model.alias_changes.filter(alias=Alias.Name.CHAMPION).select_related("to_version__model")
    for move in moves.order_by("id"):
        if move.is_rollback:
            stack.pop()
        elif move.to_version is not None:
            stack.append(move.to_version)
    return stack[-2::-1]


def _at(alias: Alias.Name, model: str) -> ModelVersion | None:
    versions = ModelVersion.objects.select_related("model")
    return versions.filter(aliases__name=alias, model__name=model).first()
