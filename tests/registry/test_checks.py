"""`verify_storage` and the folders of model versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.registry.checks import versions_count, versions_verify
from apps.registry.engine import folder_check
from apps.registry.models import ModelVersion


@pytest.fixture
def version(
    folder: Path, make_version: Callable[..., ModelVersion], settings: Settings, tmp_path: Path
) -> ModelVersion:
    """A version whose folder is sound."""
    settings.MODELS_DIR = tmp_path / "kept"
    version = make_version()
    digest = folder_check(folder).sha256
    ModelVersion.objects.filter(pk=version.pk).update(sha256=digest, folder=digest)
    shutil.copytree(folder, settings.MODELS_DIR / digest)
    version.refresh_from_db()
    return version


def test_a_sound_version_has_nothing_to_say(version: ModelVersion) -> None:
    assert versions_count() == 1
    assert list(versions_verify()) == [None]


def test_a_flipped_bit_is_named(version: ModelVersion, settings: Settings) -> None:
    path = settings.MODELS_DIR / version.folder / "model.bin"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    (problem,) = versions_verify()
    assert problem is not None
    assert "model.bin" in problem


def test_a_missing_folder_is_named(version: ModelVersion, settings: Settings) -> None:
    shutil.rmtree(settings.MODELS_DIR / version.folder)
    (problem,) = versions_verify()
    assert problem is not None
    assert str(version) in problem
