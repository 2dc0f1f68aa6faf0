"""Classifying files without a server: which model answers, and what becomes of one file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection

from apps.core.errors import PlatformError, RetriableError
from apps.diagnosis.pipeline import Classification, radiograph_classify
from apps.diagnosis.results import result
from apps.registry.engine import ModelVersionError, folder_check
from apps.registry.models import ModelVersion
from apps.registry.selectors import (
    DEFAULT_MODEL,
    VersionNotFoundError,
    champion,
    version_folder,
    version_from_reference,
)
from apps.studies.decoding.pool import decode_pool
from ml.contracts import RejectedInputError

logger = logging.getLogger(__name__)

BUNDLED_NUMBER = 1
"""`up` registers the bundled model as the first version."""


class DatabaseSilentError(RetriableError):
    """A database is configured and does not answer."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The version that answers; a folder that no registry knows has no number."""

    folder: Path
    sha256: str
    name: str
    number: int | None

    @classmethod
    def of_version(cls, version: ModelVersion) -> ChosenModel:
        return cls(version_folder(version), version.sha256, version.model.name, version.number)

    @classmethod
    def of_folder(cls, folder: Path, *, number: int | None) -> ChosenModel:
        checked = folder_check(folder)
        return cls(folder, checked.sha256, checked.spec.name, number)

    def load(self) -> None:
        """Load it now, so that the first file is not the slow one."""
        from apps.diagnosis import engine

        engine.version_load(folder=self.folder, sha256=self.sha256)


def model_choose(reference: str | None) -> ChosenModel:
    """Return the model to use; never creates a database.

    Raises `VersionNotFoundError`, `ModelVersionError`, and `DatabaseSilentError` when a database is
    configured and does not answer: the bundled model could be another than the champion there.
    """
    if reference and Path(reference).is_dir():
        return ChosenModel.of_folder(Path(reference), number=None)
    if _has_database():
        version = version_from_reference(reference) if reference else champion()
        if version:
            return ChosenModel.of_version(version)
    elif reference and reference not in {f"{DEFAULT_MODEL}:{BUNDLED_NUMBER}", f"{DEFAULT_MODEL}@champion"}:
        raise VersionNotFoundError(f"{reference!r}: there is no database here; give a model folder instead.")
    folder = Path(settings.BUNDLED_MODEL_DIR)
    if not folder.is_dir():
        raise ModelVersionError(f"The bundled model is missing: expected its folder at {folder}.")
    return ChosenModel.of_folder(folder, number=BUNDLED_NUMBER)


def file_classify(file: str, *, model: ChosenModel, saliency: SaliencyFolder | None) -> dict[str, Any]:
    """Classify one file; whatever happens to it becomes its result."""
    about = {"name": model.name, "version": model.number, "sha256": model.sha256}
    try:
        answer = radiograph_classify(Path(file), folder=model.folder, sha256=model.sha256)
    except RejectedInputError as refusal:
        rejections = [{"code": str(r.code), "detail": r.detail} for r in refusal.rejections]
        uid = _stated_uid(file)
        return result(status="rejected", file=file, sop_instance_uid=uid, rejections=rejections, model=about)
    except Exception as error:
        logger.exception("A file could not be classified")
        reason = str(error) if isinstance(error, PlatformError) else type(error).__name__
        return result(status="failed", file=file, warnings=[reason], model=about)
    prediction = answer.prediction
    return result(
        status="completed",
        file=file,
        sop_instance_uid=answer.radiograph.facts.sop_instance_uid or None,
        label=prediction.label,
        covid19_status=prediction.covid19_status,
        probabilities=prediction.probabilities,
        prediction_set=prediction.prediction_set,
        abnormality=prediction.abnormality,
        triage=answer.triage,
        warnings=prediction.warnings,
        model=about,
        saliency=saliency.write(Path(file).stem, answer) if saliency else {},
        timing_ms=answer.timing_ms,
    )


def _stated_uid(file: str) -> str | None:
    """Return which object was refused, where the file can say so."""
    try:
        return decode_pool().sop_instance_uid(file) or None
    except (RejectedInputError, RetriableError):
        return None


class SaliencyFolder:
    """A folder for saliency maps, under names that say which file and finding they belong to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stems: dict[str, int] = {}

    def write(self, stem: str, answer: Classification) -> dict[str, str]:
        """Write one PNG per finding; files of the same name in different folders are numbered."""
        from apps.diagnosis import engine

        self._stems[stem] = self._stems.get(stem, 0) + 1
        if self._stems[stem] > 1:
            stem = f"{stem}-{self._stems[stem]}"
        paths = {}
        pngs = engine.saliency_pngs(answer.prediction, size=answer.radiograph.pixels.shape)
        for finding, png in pngs.items():
            path = self._folder / f"{stem}.{finding}.png"
            path.write_bytes(png)
            paths[finding] = str(path)
        return paths


def _has_database() -> bool:
    """Tell whether there is a database with our tables, without making one."""
    if connection.vendor == "sqlite" and not Path(str(connection.settings_dict["NAME"])).is_file():
        return False
    try:
        return ModelVersion._meta.db_table in connection.introspection.table_names()
    except OperationalError as error:
        raise DatabaseSilentError(
            f"The database does not answer ({str(error).splitlines()[0]}). Start it, or name a model folder "
            "with --model."
        ) from error
