"""`compare_model` puts a registered version beside the present champion and keeps what it finds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.audit.models import AuditEvent
from apps.registry.models import ModelVersion
from apps.registry.services import bundled_model_register, version_register
from ml.contracts import Finding
from ml.model_folder import read_spec, write_spec
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MODELS_DIR = tmp_path / "data" / "models"


@pytest.fixture
def register_twin(bundled_model: Path, tmp_path: Path) -> Callable[[], ModelVersion]:
    """Register a version that answers as the bundled one does, and has another card."""

    def register() -> ModelVersion:
        twin = tmp_path / "twin"
        shutil.copytree(bundled_model, twin)
        (twin / "card.md").write_text("# Twin\n")
        write_spec(twin, read_spec(twin))
        return version_register(folder=twin, by="scientist@example.org")

    return register


def test_a_twin_is_neither_better_nor_worse(
    register_twin: Callable[[], ModelVersion], make_manifest: ManifestMaker
) -> None:
    manifest = make_manifest(
        [{"label": finding, "group": f"{finding}-{i}"} for finding in Finding for i in range(2)]
    )
    bundled_model_register()
    version, out = register_twin(), StringIO()
    call_command("compare_model", str(version), "--manifest", str(manifest), stdout=out, stderr=StringIO())
    assert "cxr:2 and cxr:1 on 10 images:" in out.getvalue()
    assert "balanced_accuracy" in out.getvalue()
    version.refresh_from_db()
    assert version.comparison["verdict"] == "cannot tell"
    assert version.comparison["side"] == "all radiographs of manifests that the version was not trained on"
    assert AuditEvent.objects.get(action="model_compared").object_id == "cxr:2"


def test_the_champion_is_not_compared_with_itself(make_manifest: ManifestMaker) -> None:
    manifest = make_manifest([{"label": "normal"}])
    with pytest.raises(CommandError, match="not registered"):
        call_command("compare_model", "cxr:1", "--manifest", str(manifest), stderr=StringIO())
    bundled_model_register()
    with pytest.raises(CommandError, match="no other champion to compare cxr:1 with"):
        call_command("compare_model", "cxr@champion", "--manifest", str(manifest), stderr=StringIO())
