"""A model folder becomes a version: checked, asked its golden question, copied durably, numbered."""

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

from apps.audit.services import event_record
from apps.core.errors import ConflictError, PermanentError
from apps.registry.engine import CheckedFolder, ModelVersionError, folder_check, golden_check
from apps.registry.models import SYSTEM, Alias, ModelVersion, RegisteredModel
from apps.registry.selectors import DEFAULT_MODEL, champion
from apps.registry.services.aliases import alias_move


def version_register(
    *, folder: Path, by: str, name: str = DEFAULT_MODEL, imported: Mapping[str, Any] | None = None
) -> ModelVersion:
    """Check a model folder, let it answer its golden input, keep a copy and give it the next number.

    The checks run on our own copy, so that nothing can change between checking and keeping. Safe to
    repeat: the same bytes under the same name are the same version. `imported` is what an archive said of the
    version, to be shown. Raises `ModelVersionError`.
    """
    checked = folder_check(folder)
    if known := _known_version(name, checked.sha256):
        return known
    kept = _folder_keep(checked)
    try:
        golden_check(kept, precision=settings.INFERENCE_PRECISION)
    except ModelVersionError:
        if not ModelVersion.objects.filter(folder=kept.path.name).exists():  # under another name, it serves
            shutil.rmtree(kept.path)
        raise
    for _ in range(10):  # two registrations at once may reach for the same number
        try:
            return _version_create(kept, by=by, name=name, imported=imported or {})
        except IntegrityError:
            if known := _known_version(name, checked.sha256):
                return known
    raise ConflictError(f"No number could be given to a version of {name}: too many at once; try again.")


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
def _version_create(kept: CheckedFolder, *, by: str, name: str, imported: Mapping[str, Any]) -> ModelVersion:
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
        imported=dict(imported),
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
