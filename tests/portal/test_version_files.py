"""What came with a version beside its card: its checklist, and the drawing of its training."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.registry.models import ModelVersion
from ml.contracts import ModelSpec
from ml.model_folder import MODEL_FILES, folder_digest, write_spec
from tests.portal.conftest import ClientOf

ADDRESS = ["cxr", 1]
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg"><title>Training history</title></svg>'
CHECKLIST = "# CLAIM\n\n### 1. Is it <b>AI</b>?\n\nIt is a network.\n"


@pytest.fixture
def folder(version: ModelVersion, settings: Settings, tmp_path: Path) -> Path:
    """Give the folder of the registered version."""
    settings.MODELS_DIR = tmp_path
    folder = tmp_path / version.folder
    folder.mkdir()
    for name in MODEL_FILES:
        (folder / name).write_text(name)
    (folder / "history.svg").write_text(DRAWING)
    (folder / "claim.md").write_text(CHECKLIST)
    write_spec(folder, ModelSpec("cxr", "none", ("normal",), 64, "none", 1.0, {}, {}))
    ModelVersion.objects.filter(pk=version.pk).update(sha256=folder_digest(folder))
    return folder


def test_the_version_page_leads_to_both(reader: Client, folder: Path) -> None:
    page = reader.get(reverse("portal:version", args=ADDRESS)).content.decode()
    assert f'src="{reverse("portal:history", args=ADDRESS)}"' in page
    assert f'href="{reverse("portal:checklist", args=ADDRESS)}"' in page


def test_the_drawing_is_handed_out_as_an_image(reader: Client, folder: Path) -> None:
    answer = reader.get(reverse("portal:history", args=ADDRESS))
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.content.decode() == DRAWING
    assert "script-src" in answer.headers["Content-Security-Policy"], "for who opens it by itself"


def test_the_checklist_is_shown_as_text(reader: Client, folder: Path) -> None:
    page = reader.get(reverse("portal:checklist", args=ADDRESS)).content.decode()
    assert "1. Is it &lt;b&gt;AI&lt;/b&gt;?" in page
    assert "It is a network." in page


def test_a_version_without_them_shows_neither(reader: Client, folder: Path) -> None:
    for name in ("history.svg", "claim.md"):
        (folder / name).unlink()
    page = reader.get(reverse("portal:version", args=ADDRESS)).content.decode()
    for name in ("portal:history", "portal:checklist"):
        assert reverse(name, args=ADDRESS) not in page
        assert reader.get(reverse(name, args=ADDRESS)).status_code == 404


def test_a_changed_folder_shows_nothing_of_itself(reader: Client, folder: Path) -> None:
    (folder / "history.svg").write_text(DRAWING.replace("Training", "Better"))
    answer = reader.get(reverse("portal:history", args=ADDRESS))
    assert b"Better" not in answer.content
    assert answer.status_code == 404


def test_both_are_hidden_without_the_right_to_see_models(client_of: ClientOf, folder: Path) -> None:
    technician = client_of(Role.TECHNICIAN)
    for name in ("portal:history", "portal:checklist"):
        assert technician.get(reverse(name, args=ADDRESS)).status_code == 404
