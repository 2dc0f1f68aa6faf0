"""Model folders to register."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.accounts.access import Actor
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.registry.models import ModelVersion, RegisteredModel
from ml.contracts import Finding, ModelSpec
from ml.model_folder import MODEL_FILES, write_spec

LABELS = tuple(finding.value for finding in Finding)
PASSED = {"verdict": "pass", "summary": "12 of 12 checks passed.", "checks": []}
"""An audit that nothing speaks against."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every file of a model version, whose graphs are no graphs."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (*MODEL_FILES, "card.md"):
        (folder / name).write_text(f"not a {name}")
    spec = ModelSpec(
        name="cxr",
        architecture="compact_resnet",
        labels=LABELS,
        input_size=160,
        preprocessing_version="lungs-2",
        temperature=1.0,
        conformal_quantiles=dict.fromkeys(LABELS, 0.9),
        operating_points=dict.fromkeys(LABELS, 0.5),
    )
    write_spec(folder, spec)
    return folder


@pytest.fixture
def make_version(db: None) -> Callable[..., ModelVersion]:
    """Make a registered version whose folder nobody opens; its audit passed unless told otherwise."""

    def make(*, by: str = "maker@example.org", **known: object) -> ModelVersion:
        model, _ = RegisteredModel.objects.get_or_create(name="cxr")
        number = model.versions.count() + 1
        return ModelVersion.objects.create(
            model=model,
            number=number,
            sha256=f"{number:064x}",
            folder=f"{number:064x}",
            architecture="compact_resnet",
            labels=list(LABELS),
            preprocessing_version="lungs-2",
            operating_points={},
            created_by=by,
            **{"audit": PASSED, **known},
        )

    return make


@pytest.fixture
def administrator() -> Actor:
    """Somebody who may promote."""
    return Actor("admin@example.org", Role.ADMINISTRATOR, RIGHTS_OF_ROLE[Role.ADMINISTRATOR], user_id=1)
