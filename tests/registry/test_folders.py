"""Nothing in a model folder is opened before every size and SHA-256 in it agreed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.core.errors import PermanentError
from apps.registry.engine import MAX_SPEC_BYTES, ModelVersionError, folder_check
from apps.registry.models import ModelVersion
from apps.registry.selectors import alias_history, champion, version_folder
from apps.registry.services import bundled_model_register, version_register
from tests.registry.conftest import LABELS


def test_a_sound_folder_has_a_digest_of_everything_in_it(folder: Path) -> None:
    checked = folder_check(folder)

    assert folder_check(folder, expected_sha256=checked.sha256) == checked
    assert checked.text("card.md") == "not a card.md"
    assert checked.document("evaluation.json") == {}


def test_one_flipped_bit_is_seen(folder: Path) -> None:
    graph = bytearray((folder / "model.bin").read_bytes())
    graph[3] ^= 1
    (folder / "model.bin").write_bytes(graph)

    with pytest.raises(ModelVersionError, match=r"model\.bin"):
        folder_check(folder)


def test_a_change_to_the_spec_changes_the_digest(folder: Path) -> None:
    before = folder_check(folder).sha256
    spec = json.loads((folder / "model.json").read_text())
    spec["labels"].reverse()
    (folder / "model.json").write_text(json.dumps(spec))

    with pytest.raises(ModelVersionError, match=f"expects {before}"):
        folder_check(folder, expected_sha256=before)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "lungs.xml").unlink()

    with pytest.raises(ModelVersionError, match=r"lungs\.xml"):
        folder_check(folder)


def test_a_link_is_refused(folder: Path) -> None:
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to("/etc/passwd")

    with pytest.raises(ModelVersionError, match="not a plain file"):
        folder_check(folder)


def test_a_file_outside_the_folder_is_refused(folder: Path) -> None:
    spec = json.loads((folder / "model.json").read_text())
    spec["files"]["../secret"] = "0" * 64
    (folder / "model.json").write_text(json.dumps(spec))

    with pytest.raises(ModelVersionError, match="outside the folder"):
        folder_check(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"name": 1}', "null"])
def test_a_spec_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / "model.json").write_text(content)

    with pytest.raises(ModelVersionError):
        folder_check(folder)


def test_an_endless_spec_is_not_read(folder: Path) -> None:
    (folder / "model.json").write_text(" " * (MAX_SPEC_BYTES + 1))

    with pytest.raises(ModelVersionError, match="larger than"):
        folder_check(folder)


def test_a_folder_that_is_none_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelVersionError, match=r"holds no model\.json"):
        folder_check(tmp_path / "nowhere")


@pytest.fixture
def models(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder for versions."""
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.mark.django_db
def test_a_graph_that_is_none_is_not_registered(folder: Path, models: Path) -> None:
    """Its hashes agree, so that only the golden prediction can tell."""
    with pytest.raises(ModelVersionError, match="golden prediction"):
        version_register(folder=folder, by="somebody")

    assert not ModelVersion.objects.exists()
    assert not list(models.iterdir())


@pytest.mark.django_db
def test_the_bundled_model_is_registered_once_and_becomes_champion(models: Path) -> None:
    for _ in range(2):
        bundled_model_register()

    version = ModelVersion.objects.get()
    assert (str(version), champion()) == ("cxr:1", version)
    assert version.labels == list(LABELS)
    assert version.card
    assert [path.name for path in models.iterdir()] == [version.sha256]
    assert folder_check(version_folder(version), expected_sha256=version.sha256).spec.name == "cxr"
    assert alias_history(version.model).count() == 1


@pytest.mark.django_db
def test_a_missing_bundle_is_said_so(settings: Settings, tmp_path: Path) -> None:
    settings.BUNDLED_MODEL_DIR = tmp_path / "nowhere"

    with pytest.raises(PermanentError, match="The bundled model is missing"):
        bundled_model_register()
