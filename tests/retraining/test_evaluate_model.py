"""`evaluate_model` measures a registered version and writes a report and a page."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.audit.models import AuditEvent
from apps.registry.services import version_register
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.django_db

KEYS = "n accuracy balanced_accuracy per_class auroc ece brier coverage confusion by_source intervals"


@pytest.fixture
def model(settings: Settings, tmp_path: Path, bundled_model: Path) -> str:
    settings.DATA_DIR = tmp_path / "data"
    settings.MODELS_DIR = tmp_path / "data" / "models"
    return str(version_register(folder=bundled_model, by="tests"))


@pytest.fixture
def manifest(make_manifest: ManifestMaker) -> Path:
    rows = [
        {
            "label": label,
            "fold": fold,
            "group": f"{fold}-{i // 2}",
            "source": "drawn <b>",
            "sex": "F",
            "age": 44,
        }
        for fold in range(2)
        for i, label in enumerate(("normal", "covid19", "viral_pneumonia", "normal"))
    ]
    return make_manifest(rows)


def evaluate(model: str, manifest: Path, report: Path, *options: str) -> str:
    out = StringIO()
    arguments = [model, f"--manifest={manifest}", f"--report={report}", *options]
    call_command("evaluate_model", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.timeout(300)
def test_a_report_and_a_page_are_written(model: str, manifest: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    said = evaluate(model, manifest, report, "--fold=1")
    measured = json.loads(report.read_text())
    assert set(KEYS.split()) <= set(measured)
    assert measured["n"] == 4
    assert measured["groups"] == 2
    assert measured["manifest"]["name"] == "manifest.csv"
    assert measured["manifest"]["fold"] == 1
    assert measured["by_age"]["40-64"]["n"] == 4
    views = measured["three_views"]
    assert views["not_available"] is None
    assert set(views["leave_one_source_out"]) >= {"cxnet", "ieee8023", "ozturk", "radiography_db"}
    page = report.with_suffix(".html").read_text()
    assert f"Evaluation of {model}" in page
    assert measured["manifest"]["sha256"] in page
    assert "drawn &lt;b&gt;" in page
    assert "<script" not in page
    assert "4 images, accuracy" in said
    assert "report.html" in said
    assert AuditEvent.objects.filter(action="model_evaluated").exists()

    elsewhere = tmp_path / "page.html"
    evaluate(model, manifest, report, f"--html={elsewhere}")
    assert json.loads(report.read_text())["n"] == 8
    assert elsewhere.is_file()


@pytest.mark.parametrize(
    ("report", "options", "message"),
    [
        ("report.html", [], "another suffix"),
        ("absent/report.json", [], "no folder"),
        ("report.json", ["--html=absent/page.html"], "no folder"),
        ("report.json", ["--fold=9"], "in fold 9"),
    ],
)
def test_what_cannot_be_measured_or_written_is_said_first(
    model: str, manifest: Path, tmp_path: Path, report: str, options: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        evaluate(model, manifest, tmp_path / report, *options)
    assert not (tmp_path / report).exists()
