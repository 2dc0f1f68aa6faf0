"""One `up` per data folder, and a folder that only its owner may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.core.data_folder import DataFolderBusyError, data_folder_lock, data_folder_prepare


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.UPLOADS_DIR = settings.DATA_DIR / "uploads"
    return tmp_path / "data"


def test_folder_is_private_and_made_once(data_dir: Path) -> None:
    assert data_folder_prepare() is True
    assert data_folder_prepare() is False
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert (data_dir / "uploads").is_dir()


def test_second_holder_is_refused_and_told_who_holds_it(data_dir: Path) -> None:
    data_folder_prepare()
    with (
        data_folder_lock(),
        pytest.raises(DataFolderBusyError, match=rf"process {os.getpid()}\b"),
        data_folder_lock(),
    ):
        pass
    with data_folder_lock():
        pass
