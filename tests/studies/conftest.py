"""Intake into a data folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from apps.studies.models import Received
from apps.studies.services.ingest import IngestResult, object_ingest

Ingest = Callable[..., IngestResult]


@pytest.fixture
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """A data folder in which spool and objects are the test's own."""
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.STORAGES = {
        **django_settings.STORAGES,
        "default": {
            "BACKEND": "apps.studies.objects.DurableFileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "objects")},
        },
    }
    return tmp_path


@pytest.fixture
def ingest(db: None, data_dir: Path) -> Ingest:
    """Ingest bytes by the upload door."""

    def take(source: Any, **arguments: Any) -> IngestResult:
        return object_ingest(
            **{"source": source, "door": Received.Door.UPLOAD, "sender": "7", "actor": "a@b.org", **arguments}
        )

    return take


def files_under(folder: Path) -> list[Path]:
    """Return the files in a folder and its folders."""
    return [path for path in folder.rglob("*") if path.is_file()]
