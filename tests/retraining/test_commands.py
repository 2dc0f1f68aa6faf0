"""`train_model` makes a candidate that the registry keeps, and `evaluate_model` measures it again."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.core.errors import NotPermittedError
from apps.registry.models import Alias, ModelVersion
from apps.retraining.requests import TrainingRequest
from apps.retraining.services import candidate_train
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MODELS_DIR = tmp_path / "data" / "models"


@pytest.fixture
def manifest(make_manifest: ManifestMaker) -> Path:
    rows = [
        {"label": label, "fold": fold, "group": f"{fold}-{label}-{i}"}
        for fold in range(3)
        for label in ("normal", "covid19")
        for i in range(3)
    ]
    return make_manifest(rows)


@pytest.mark.training
@pytest.mark.timeout(600)
def test_a_candidate_is_trained_registered_and_measured_again(manifest: Path, tmp_path: Path) -> None:
    out, told = StringIO(), StringIO()
    call_command(
        "train_model",
        "--manifest",
        str(manifest),
        "--architecture=compact_resnet",
        "--classes",
        "negative=normal",
        "positive=covid19",
        "--class-weights",
        "positive=2",
        "--epochs=1",
        "--batch-size=3",
        "--input-size=64",
        "--preprocessing=blur(sigma=0.5), window",
        "--crop=square",
        "--mixing=none",
        "--balance=0.25",
        "--surroundings=0.5",
        "--without-lungs=0.1",
        "--patience=3",
        "--no-int8",
        stdout=out,
        stderr=told,
    )
    assert out.getvalue().splitlines()[-1] == "cxr:1"
    assert "training: 1/1" in told.getvalue()
    version = ModelVersion.objects.get()
    assert version.labels == ["negative", "positive"]
    assert version.classes == {"negative": ["normal"], "positive": ["covid19"]}
    settings_kept = version.lineage["settings"]
    assert settings_kept["class_weights"] == {"positive": 2.0}
    assert (settings_kept["mixing"], settings_kept["balance"], settings_kept["patience"]) == ("none", 0.25, 3)
    assert (settings_kept["surroundings"], settings_kept["without_lungs"]) == (0.5, 0.1)
    assert settings_kept["input_size"] == 64
    assert settings_kept["preprocessing"]["crop"] == "square"
    assert settings_kept["preprocessing"]["steps"] == [{"step": "blur", "sigma": 0.5}, {"step": "window"}]
    assert version.audit["data"]["side"] == "the version's own test fold, 0"
    assert not Alias.objects.exists(), "a candidate serves nobody before it is promoted"
    assert [path.name for path in (Path(settings.DATA_DIR) / "training").iterdir()] == ["cache"]

    report = tmp_path / "report.json"
    call_command(
        "evaluate_model", "cxr:1", f"--manifest={manifest}", "--fold=0", f"--report={report}", stdout=out
    )
    measured = json.loads(report.read_text())
    assert measured["n"] == 6
    assert measured["model"]["version"] == 1
    assert measured["accuracy"] == version.evaluation["accuracy"]

    call_command(
        "audit_model", "cxr:1", f"--manifest={manifest}", "--retrain", f"--report={report}", stderr=told
    )
    checks = {check["code"]: check["details"] for check in json.loads(report.read_text())["checks"]}
    for code, control in (("A3", "lungs_blacked_out"), ("A8", "shuffled_labels")):
        assert checks[code][control]["n"] == 6
        assert checks[code][control]["chance"] == 0.5
    assert "shuffled labels: training: 1/1" in told.getvalue()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--architecture=vgg99"], "Unknown architecture 'vgg99'"),
        (["--architecture=compact_resnet", "--test-fold=7"], "no fold 7"),
        (["--architecture=compact_resnet", "--init=cxr:9"], "not registered"),
        (["--architecture=compact_resnet", "--classes", "positive"], "expected NAME=label"),
        (["--architecture=compact_resnet", "--class-weights", "covid19=much"], "expected NAME=WEIGHT"),
        (["--architecture=compact_resnet", "--weights=none.weights.h5"], "does not exist"),
        (["--architecture=compact_resnet", "--preprocessing=sharpen"], "Unknown step 'sharpen'; known: "),
        (["--architecture=compact_resnet", "--preprocessing=blur(sigma=much)"], "Cannot read the step"),
        (["--architecture=compact_resnet", "--crop=round"], "Unknown crop 'round'; known: squeeze, "),
        (["--architecture=compact_resnet", "--mixing=shake"], "Unknown mixing 'shake'"),
        (["--architecture=compact_resnet", "--by=nobody@example.org"], "No user has the address"),
    ],
)
def test_what_cannot_be_trained_is_said(manifest: Path, options: list[str], message: str) -> None:
    classes = (
        [] if any("--classes" in option for option in options) else ["--classes", "a=normal", "b=covid19"]
    )
    with pytest.raises(CommandError, match=message):
        call_command("train_model", "--manifest", str(manifest), *options, *classes, stderr=StringIO())
    assert not ModelVersion.objects.exists()


def test_an_unknown_version_cannot_be_measured(manifest: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with pytest.raises(CommandError, match="not registered"):
        call_command("evaluate_model", "cxr:1", f"--manifest={manifest}", f"--report={report}")
    assert not report.exists()


def test_training_needs_the_right(manifest: Path) -> None:
    clinician = Actor("clinician@example.org", Role.CLINICIAN, RIGHTS_OF_ROLE[Role.CLINICIAN], user_id=1)
    request = TrainingRequest(manifests=(manifest,), architecture="compact_resnet")
    with pytest.raises(NotPermittedError, match="Upload and train models"):
        candidate_train(request=request, actor=clinician, report=lambda _: None)
