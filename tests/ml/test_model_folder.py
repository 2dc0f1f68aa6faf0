"""A model version's folder says when it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.contracts import ModelSpec
from ml.model_folder import MODEL_FILES, ModelFolderError, check_folder, folder_digest, read_spec, write_spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*MODEL_FILES, "card.md"):
        (tmp_path / name).write_text(name)
    spec = ModelSpec(
        name="cxr",
        architecture="compact_resnet",
        labels=("normal", "covid19"),
        input_size=160,
        preprocessing_version="lungs-2",
        temperature=1.2,
        conformal_quantiles={"normal": 0.7, "covid19": 0.8},
        operating_points={"normal": 0.5, "covid19": 0.4},
    )
    write_spec(tmp_path, spec)
    return tmp_path


def test_a_written_spec_is_read_back_with_every_files_hash(folder: Path) -> None:
    spec = check_folder(folder)
    assert spec.labels == ("normal", "covid19")
    assert set(spec.files) == {*MODEL_FILES, "card.md"}


@pytest.mark.parametrize("name", ["model.bin", "lungs.bin", "card.md"])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("other")
    with pytest.raises(ModelFolderError, match=f"{name} has SHA-256"):
        check_folder(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "lungs.xml").unlink()
    with pytest.raises(ModelFolderError, match=r"lungs\.xml is missing"):
        check_folder(folder)


def test_a_spec_that_does_not_list_the_graph_is_refused(folder: Path) -> None:
    (folder / "model.bin").unlink()
    write_spec(folder, read_spec(folder))
    with pytest.raises(ModelFolderError, match=r"does not list model\.bin"):
        check_folder(folder)


def test_the_digest_covers_the_spec_itself(folder: Path) -> None:
    before = folder_digest(folder)
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text.replace("1.2", "1.3"))
    assert folder_digest(folder) != before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"labels": 3}'])
def test_a_malformed_spec_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelFolderError, match="no readable"):
        check_folder(folder)
