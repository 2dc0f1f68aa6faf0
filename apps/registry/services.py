"""Changing the registry: a version is registered once, aliases move, every move is kept."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError, NotPermittedError, PermanentError
from apps.registry.engine import CheckedFolder, ModelVersionError, folder_check, golden_check
from apps.registry.models import Alias, AliasChange, ModelVersion, RegisteredModel
from apps.registry.selectors import DEFAULT_MODEL, champion, previous_champion
from apps.registry.signals import champion_changed

SYSTEM = "system"


class PromotionError(PermanentError):
    """The alias cannot move so."""


def version_register(*, folder: Path, by: str, name: str = DEFAULT_MODEL) -> ModelVersion:
    """Check a model folder, let it answer its golden input, keep a copy and give it the next number.

    The checks run on our own copy, so that nothing can change between checking and keeping. Safe to
    repeat: the same bytes under the same name are the same version. Raises `ModelVersionError`.
    """
    checked = folder_check(folder)
    if known := _known_version(name, checked.sha256):
        return known
    kept = _folder_keep(checked)
    try:
        golden_check(kept, precision=settings.INFERENCE_PRECISION)
    except ModelVersionError:
        shutil.rmtree(kept.path)
        raise
    for _ in range(10):  # two registrations at once may reach for the same number
        try:
            return _version_create(kept, by=by, name=name)
        except IntegrityError:
            if known := _known_version(name, checked.sha256):
                return known
    raise ConflictError(f"No number could be given to a version of {name}: too many at once; try again.")


def alias_move(
    *,
    model: RegisteredModel,
    alias: Alias.Name,
    to_version: ModelVersion,
    by: str,
    reason: str,
    is_rollback: bool = False,
) -> AliasChange:
    """Move an alias from where it is to `to_version` and keep who, when and why.

    Raises `PromotionError` when it is there already or the version is another model's, and
    `ConflictError` when somebody else moved it meanwhile.
    """
    if to_version.model_id != model.pk:
        raise PromotionError(f"{to_version} is not a version of {model}.")
    if not reason.strip():
        raise PromotionError("Say why: the reason is kept with the move.")
    with transaction.atomic():
        row = Alias.objects.filter(model=model, name=alias).select_related("version").first()
        from_version = row.version if row else None
        if from_version == to_version:
            raise PromotionError(f"{to_version} is the {alias.value} already.")
        _alias_point(model, alias, from_version, to_version)
        change = AliasChange.objects.create(
            model=model,
            alias=alias,
            from_version=from_version,
            to_version=to_version,
            by=by,
            reason=reason,
            is_rollback=is_rollback,
        )
        event_record(
            action="alias_moved",
            actor=by,
            object_type="model_version",
            object_id=str(to_version),
            detail={
                "alias": alias.value,
                "from": str(from_version) if from_version else "",
                "reason": reason,
                "rollback": is_rollback,
            },
        )
        if alias == Alias.Name.CHAMPION:
            champion_changed.send(sender=ModelVersion, model=model, version=to_version)
    return change


def model_promote(*, version: ModelVersion, reason: str, actor: Actor) -> AliasChange:
    """Make a version its model's champion.

    Raises `NotPermittedError` without the right, and for one's own version: who makes a model does not
    approve it.
    """
    actor.require(Right.PROMOTE)
    if version.created_by == actor.name:
        raise NotPermittedError(f"{version} was made by {actor.name}: another person must approve it.")
    return alias_move(
        model=version.model, alias=Alias.Name.CHAMPION, to_version=version, by=actor.name, reason=reason
    )


def model_rollback(*, model: RegisteredModel, reason: str, actor: Actor) -> AliasChange:
    """Give `champion` back to the version that had it before the last promotion.

    Raises `NotPermittedError` without the right and `PromotionError` when there was none before.
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


def version_audit_keep(*, version: ModelVersion, audit: Mapping[str, Any], actor: Actor) -> None:
    """Keep the result of an audit with the version, in place of an earlier one's.

    What the version is does not change, only what is known of it; the audit log tells every audit.
    """
    with transaction.atomic():
        version.audit = dict(audit)
        version.save(update_fields=["audit"])
        event_record(
            action="model_audited",
            actor=actor.name,
            object_type="model_version",
            object_id=str(version),
            detail={"verdict": audit["verdict"], "summary": audit["summary"]},
        )


def bundled_model_register() -> None:
    """Register the model that came with this release; it becomes champion where there is none.

    A newer release's model is registered beside the present champion, for somebody to promote.
    """
    folder = Path(settings.BUNDLED_MODEL_DIR)
    if not folder.is_dir():
        raise PermanentError(
            f"The bundled model is missing: expected its folder at {folder}. "
            "Restore it from the repository, or train one with `manage.py train_model`."
        )
    version = version_register(folder=folder, by=SYSTEM)
    if champion(version.model.name) is None:
        alias_move(
            model=version.model,
            alias=Alias.Name.CHAMPION,
            to_version=version,
            by=SYSTEM,
            reason="Bundled with this release; the first version of this installation.",
        )


def _known_version(name: str, sha256: str) -> ModelVersion | None:
    """Find the version with these bytes, if its folder is still there."""
    version = ModelVersion.objects.select_related("model").filter(model__name=name, sha256=sha256).first()
    return version if version and (Path(settings.MODELS_DIR) / version.folder).is_dir() else None


def _folder_keep(checked: CheckedFolder) -> CheckedFolder:
    """Copy the version's files below the data folder, durably and all at once; return the checked copy."""
    models = Path(settings.MODELS_DIR)
    models.mkdir(parents=True, exist_ok=True)
    destination = models / checked.sha256
    if destination.is_dir():
        return folder_check(destination, expected_sha256=checked.sha256)
    part = models / f".{uuid.uuid4().hex}.part"
    part.mkdir()
    try:
        for name in checked.files:
            with (checked.path / name).open("rb") as source, (part / name).open("xb") as target:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
        _fsync_folder(part)
        folder_check(part, expected_sha256=checked.sha256)
        try:
            part.rename(destination)
        except OSError:
            if not destination.is_dir():  # else another process kept the same bytes first
                raise
        _fsync_folder(models)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder_check(destination, expected_sha256=checked.sha256)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@transaction.atomic
def _version_create(kept: CheckedFolder, *, by: str, name: str) -> ModelVersion:
    """Give the checked folder the next number; raises `IntegrityError` when another took it first."""
    model, _ = RegisteredModel.objects.get_or_create(name=name)
    if gone := ModelVersion.objects.select_related("model").filter(model=model, sha256=kept.sha256).first():
        return gone  # its folder had been lost and is back now
    last = ModelVersion.objects.filter(model=model).aggregate(Max("number"))["number__max"] or 0
    version = ModelVersion.objects.create(
        model=model,
        number=last + 1,
        sha256=kept.sha256,
        folder=kept.path.name,
        architecture=kept.spec.architecture,
        labels=list(kept.spec.labels),
        classes={label: list(findings) for label, findings in kept.spec.classes.items()},
        preprocessing_version=kept.spec.preprocessing_version,
        operating_points=dict(kept.spec.operating_points),
        evaluation=kept.document("evaluation.json"),
        lineage=kept.document("lineage.json"),
        card=kept.text("card.md"),
        created_by=by,
    )
    event_record(
        action="model_registered",
        actor=by,
        object_type="model_version",
        object_id=str(version),
        detail={"sha256": version.sha256, "architecture": version.architecture},
    )
    return version


def _alias_point(
    model: RegisteredModel, alias: Alias.Name, from_version: ModelVersion | None, to_version: ModelVersion
) -> None:
    """Compare and set the alias; raises `ConflictError` when it no longer is where it was read."""
    if from_version is None:
        _, moved = Alias.objects.get_or_create(model=model, name=alias, defaults={"version": to_version})
    else:
        moved = bool(
            Alias.objects.filter(model=model, name=alias, version=from_version).update(version=to_version)
        )
    if not moved:
        raise ConflictError(f"{model}@{alias.value} was moved by somebody else; look again and repeat.")
