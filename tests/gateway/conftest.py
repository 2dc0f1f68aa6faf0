"""Listeners to send to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.listener_process import ListenerProcess, manage


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty database, to be copied; the listener neither migrates nor bootstraps."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    folder.mkdir()
    manage(folder, "migrate", "--skip-checks", "-v0")
    return folder


@pytest.fixture(scope="session")
def listener(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[ListenerProcess]:
    """A listener that any caller on this machine may store to, for tests that only add to it."""
    folder = shutil.copytree(empty_database, tmp_path_factory.mktemp("listener") / "data")
    process = ListenerProcess(folder, CXR_DICOM_OPEN="1")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def listener_folder(tmp_path: Path, empty_database: Path) -> Path:
    """A data folder with an empty database, for a listener of the test's own."""
    return shutil.copytree(empty_database, tmp_path / "data")
