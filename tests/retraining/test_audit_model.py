"""`audit_model` writes JSON and a page and keeps the result with the version."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.audit.models import AuditEvent
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_parent
from apps.registry.services import bundled_model_register
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MODELS_DIR = tmp_path / "data" / "models"


@pytest.mark.timeout(600)
def test_the_audit_is_written_and_kept(make_manifest: ManifestMaker, tmp_path: Path) -> None:
    bundled_model_register()
    manifest = make_manifest([{"label": label, "source": "drawn"} for label in ("normal", "covid19") * 2])
    report, out, told = tmp_path / "audit.json", StringIO(), StringIO()
    call_command(
        "audit_model", "cxr:1", f"--manifest={manifest}", f"--report={report}", stdout=out, stderr=told
    )
    audit = json.loads(report.read_text())
    assert [check["code"] for check in audit["checks"]] == [f"A{n}" for n in range(1, 13)]
    assert audit["summary"] in out.getvalue()
    assert "A3" in told.getvalue()
    assert "Audit of cxr:1" in (tmp_path / "audit.html").read_text()
    version = ModelVersion.objects.get()
    assert version.audit == audit
    event = AuditEvent.objects.get(action="model_audited")
    assert event.detail["verdict"] == audit["verdict"]

    child = ModelVersion.objects.create(
        model=version.model,
        number=2,
        sha256="1" * 64,
        labels=[],
        operating_points={},
        lineage={"parent": {"sha256": version.sha256}},
    )
    assert version_parent(child) == version
    assert version_parent(version) is None


def test_what_cannot_be_audited_is_said(make_manifest: ManifestMaker, tmp_path: Path) -> None:
    manifest = make_manifest([{"label": "normal"}])
    with pytest.raises(CommandError, match="not registered"):
        call_command("audit_model", "cxr:1", f"--manifest={manifest}", f"--report={tmp_path / 'a.json'}")
    for report, message in (("none/a.json", "there is no folder"), ("a.html", "another suffix")):
        with pytest.raises(CommandError, match=message):
            call_command("audit_model", "cxr:1", f"--manifest={manifest}", f"--report={tmp_path / report}")
    bundled_model_register()
    version = ModelVersion.objects.get()
    manifest.write_text("file,label\nnone.jpg,normal\n")
    with pytest.raises(CommandError, match="files are missing"):
        call_command("audit_model", "cxr:1", f"--manifest={manifest}", f"--report={tmp_path / 'a.json'}")
    version.refresh_from_db()
    assert version.audit == {}
    assert not (tmp_path / "a.json").exists()
