"""Manifests of small drawn images, as for `ml` itself; and what tests of data sets share."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from tests.ml.conftest import bundled_model, make_manifest
from tests.retraining.patients import actor_of

__all__ = ["bundled_model", "datasets_dir", "make_manifest", "scientist"]


@pytest.fixture
def datasets_dir(tmp_path: Path, settings: Settings) -> Path:
    """The folder of data sets, the test's own; images need no consent unless a test asks for it."""
    settings.DATA_DIR = tmp_path / "data"
    settings.RESEARCH_CONSENT_DEFAULT = True
    return tmp_path / "data" / "datasets"


@pytest.fixture
def scientist(db: None) -> Actor:
    """A data scientist."""
    return actor_of(Role.DATA_SCIENTIST)
