"""The commands that take a version out and bring it in, and the layout that MLflow reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.audit.models import AuditEvent
from apps.registry.engine import folder_check
from apps.registry.models import ModelVersion, RegisteredModel
from ml.contracts import ModelSpec
from ml.model_folder import write_spec
from tests.registry.conftest import LABELS

EVALUATION = {"n": 12, "accuracy": 0.75, "per_class": {"covid19": {"sensitivity": 0.5}}, "reliability": []}


@pytest.fixture
def version(folder: Path, settings: Settings, tmp_path: Path, db: None) -> ModelVersion:
    """A registered version whose graphs are no graphs: nothing here opens them."""
    settings.MODELS_DIR, settings.DATA_DIR = tmp_path / "models", tmp_path / "data"
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION))
    spec: ModelSpec = folder_check(folder).spec
    write_spec(folder, spec)
    checked = folder_check(folder)
    (tmp_path / "models").mkdir()
    folder.rename(tmp_path / "models" / checked.sha256)
    return ModelVersion.objects.create(
        model=RegisteredModel.objects.create(name="cxr"),
        number=3,
        sha256=checked.sha256,
        folder=checked.sha256,
        architecture="compact_resnet",
        labels=list(LABELS),
        preprocessing_version="lungs-2",
        operating_points={},
        lineage={"settings": {"epochs": 4, "optimizer": "adamw"}},
        created_by="maker@example.org",
    )


@pytest.fixture
def scientist(db: None) -> User:
    """Somebody with an account who may bring models in."""
    roles_sync()
    return user_create(email="ds@example.org", role=Role.DATA_SCIENTIST, password="p4ss-Word-1", by="test")


def test_a_version_goes_out_and_is_known_when_it_comes_back(
    version: ModelVersion, scientist: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cxr-3.zip"

    call_command("export_model", "cxr:3", "--out", str(out))
    call_command("import_model", str(out), "--by", scientist.email)

    said = capsys.readouterr().out.splitlines()
    assert said == [f"cxr:3 is in {out}, {out.stat().st_size:,} bytes.", "cxr:3 (it was registered before)"]
    assert AuditEvent.objects.filter(action="model_exported").count() == 1


def test_nothing_is_overwritten_and_nothing_half_is_left(version: ModelVersion, tmp_path: Path) -> None:
    out = tmp_path / "taken.zip"
    out.write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        call_command("export_model", "cxr:3", "--out", str(out))
    assert out.read_text() == "mine"

    Path(tmp_path / "models" / version.folder / "card.md").write_text("changed")
    with pytest.raises(CommandError, match=r"card\.md"):
        call_command("export_model", "cxr:3", "--out", str(tmp_path / "half.zip"))
    assert not (tmp_path / "half.zip").exists()


@pytest.mark.parametrize(
    ("file", "by", "match"),
    [("nowhere.zip", "ds@example.org", "is no file"), ("nowhere.zip", "nobody@example.org", "No user")],
)
def test_import_says_what_is_missing(scientist: User, tmp_path: Path, file: str, by: str, match: str) -> None:
    with pytest.raises(CommandError, match=match):
        call_command("import_model", str(tmp_path / file), "--by", by)


def test_mlflow_s_layout(version: ModelVersion, tmp_path: Path) -> None:
    """Read by MLflow 3.17's own client when it was written; here by the names that it looks for."""
    out = tmp_path / "mlruns"

    call_command("export_model", "cxr:3", "--format", "mlflow", "--out", str(out))

    [experiment] = out.iterdir()
    run = experiment / version.sha256[:32]
    assert _yaml(experiment / "meta.yaml")["name"] == "cxr"
    assert _yaml(experiment / "meta.yaml")["experiment_id"] == experiment.name
    assert _yaml(run / "meta.yaml")["run_name"] == "cxr:3"
    milliseconds = int(version.created_at.timestamp() * 1000)
    assert (run / "metrics" / "accuracy").read_text() == f"{milliseconds} 0.75 0\n"
    assert (run / "metrics" / "per_class" / "covid19" / "sensitivity").read_text().split()[1] == "0.5"
    assert (run / "params" / "optimizer").read_text() == "adamw"
    model = _yaml(run / "artifacts" / "model" / "MLmodel")
    assert model["flavors"]["cxrplatform"]["labels"] == list(LABELS)
    data = run / "artifacts" / "model" / model["flavors"]["cxrplatform"]["data"]
    assert folder_check(data, expected_sha256=version.sha256).spec.name == "cxr"
    with pytest.raises(CommandError, match="nothing is overwritten"):
        call_command("export_model", "cxr:3", "--format", "mlflow", "--out", str(out))


def _yaml(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))
