"""A version leaves as one file, and comes in as one: checked as if an enemy had sent it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import PermanentError, PlatformError, RetriableError
from apps.registry.archive import ModelArchiveError, Origin, archive_unpack, archive_write
from apps.registry.engine import CheckedFolder, folder_check, weights_check
from apps.registry.foreign_spec import spec_check
from apps.registry.mlflow_layout import mlflow_write
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_folder
from apps.registry.services.registering import version_register

CLAIMED = ("audit", "comparison")


@dataclass(frozen=True, slots=True)
class ImportedVersion:
    """A version that came in, and whether these very bytes were registered before."""

    version: ModelVersion
    known: bool


class NoSpaceError(RetriableError):
    """The data folder cannot take the archive now."""


def version_export(*, version: ModelVersion, target: IO[bytes], actor: Actor) -> None:
    """Write the version as one archive, after every file of it was checked.

    Raises `NotPermittedError` without the right, and `ModelVersionError` when the folder is damaged.
    """
    actor.require(Right.VIEW_MODELS)
    checked = folder_check(version_folder(version), expected_sha256=version.sha256)
    claims = {name: getattr(version, name) for name in CLAIMED if getattr(version, name)}
    origin = Origin(version.model.name, version.number, version.sha256, claims)
    archive_write(checked, origin, target)
    _record_export(version, actor, "archive")


def version_archive_open(*, version: ModelVersion, actor: Actor) -> IO[bytes]:
    """Return the version's archive as an open file without a name, gone when it is closed.

    Raises what `version_export` raises.
    """
    passing = Path(settings.DATA_DIR) / "tmp"
    passing.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = tempfile.TemporaryFile(dir=passing)  # noqa: SIM115 - whoever answers with it closes it
    try:
        version_export(version=version, target=target, actor=actor)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def version_export_mlflow(*, version: ModelVersion, folder: Path, actor: Actor) -> Path:
    """Write the version as a run of MLflow's below `folder` and return the run's folder.

    Raises `NotPermittedError`, `ModelVersionError`, or `FileExistsError` when the run is there already.
    """
    actor.require(Right.VIEW_MODELS)
    checked = folder_check(version_folder(version), expected_sha256=version.sha256)
    run = mlflow_write(
        checked,
        folder,
        reference=str(version),
        created_at=version.created_at,
        lineage=version.lineage,
    )
    _record_export(version, actor, "mlflow")
    return run


def _record_export(version: ModelVersion, actor: Actor, form: str) -> None:
    event_record(
        action="model_exported",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="model_version",
        object_id=str(version),
        detail={"sha256": version.sha256, "format": form},
    )


def version_import(*, archive: Path, actor: Actor, name: str = "") -> ImportedVersion:
    """Register the version in an archive, under the archive's name for the model or another one.

    Every size is bounded while unpacking, every hash checked before anything is opened, the architecture is
    one of ours, and the golden input is answered in a limited process. The importer counts as the maker, so
    that another person approves; what the archive says of audits is kept as its claim and convinces no gate.
    A refusal is recorded too. Raises `NotPermittedError`, `ModelArchiveError`, `ModelVersionError` or
    `NoSpaceError`.
    """
    actor.require(Right.TRAIN)
    try:
        with _unpacked(archive) as (origin, checked):
            return _register(origin, checked, actor, name or origin.model)
    except PermanentError as error:
        _record(actor, "failure", {"reason": str(error)})
        raise


def _register(origin: Origin, checked: CheckedFolder, actor: Actor, name: str) -> ImportedVersion:
    known = ModelVersion.objects.filter(model__name=name, sha256=checked.sha256).exists()
    imported = {
        "model": f"{origin.model}:{origin.version}",
        "at": timezone.now().isoformat(timespec="seconds"),
        **origin.claims,
    }
    version = version_register(folder=checked.path, by=actor.name, name=name, imported=imported)
    _record(actor, "success", {"from": imported["model"], "known": known}, version)
    return ImportedVersion(version, known)


def _record(
    actor: Actor, outcome: str, detail: dict[str, object], version: ModelVersion | None = None
) -> None:
    event_record(
        action="model_imported",
        outcome=outcome,
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="model_version",
        object_id=str(version or ""),
        detail=detail,
    )


@contextmanager
def _unpacked(archive: Path) -> Iterator[tuple[Origin, CheckedFolder]]:
    """Unpack into a passing folder of the data folder, and check what came out without opening a graph."""
    passing = Path(settings.DATA_DIR) / "tmp"
    try:
        passing.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=passing, prefix="import-") as folder:
            origin = archive_unpack(archive, Path(folder))
            checked = folder_check(Path(folder))
            _check_agreement(origin, checked)
            yield origin, checked
    except PlatformError:
        raise
    except OSError as error:
        raise NoSpaceError(
            f"The archive cannot be unpacked below {settings.DATA_DIR}: {error.strerror}. "
            "Nothing is registered; make room and repeat."
        ) from error


def _check_agreement(origin: Origin, checked: CheckedFolder) -> None:
    if unlisted := sorted({path.name for path in checked.path.iterdir()} - set(checked.files)):
        raise ModelArchiveError(
            f"The archive holds what its model.json does not list: {', '.join(unlisted)}."
        )
    if origin.sha256 != checked.sha256:
        raise ModelArchiveError(
            f"The archive says it holds version {origin.sha256[:64]}, but its files make {checked.sha256}."
        )
    spec_check(checked.spec)
    weights_check(checked)
