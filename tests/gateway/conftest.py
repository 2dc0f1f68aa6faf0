"""Listeners to send to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.listener_process import ListenerProcess, prepared_folder


@pytest.fixture(scope="session")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListenerProcess]:
    """A listener that any caller on this machine may store to, for tests that only add to it."""
    process = ListenerProcess(
        prepared_folder(tmp_path_factory.mktemp("listener") / "data"), CXR_DICOM_OPEN="1"
    )
    process.start()
    yield process
    process.kill()


@pytest.fixture
def listener_folder(tmp_path: Path) -> Path:
    """A data folder with an empty database, for a listener of the test's own."""
    return prepared_folder(tmp_path / "data")
