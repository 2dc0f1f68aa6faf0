"""Models by REST: promoted, challenged, rolled back, taken out and brought in, each by the right people."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis, Review, ShadowResult
from apps.registry.engine import folder_check
from apps.registry.models import Alias, ModelVersion
from apps.registry.selectors import challenger, champion
from ml.contracts import Finding, ModelSpec
from ml.model_folder import MODEL_FILES, write_spec
from tests.api.conftest import ClientOf

PASSED = {"verdict": "pass", "summary": "All passed.", "checks": []}


@pytest.fixture
def second(version: ModelVersion) -> ModelVersion:
    """A second version, audited, beside the first, which is champion."""
    Alias.objects.create(model=version.model, name=Alias.Name.CHAMPION, version=version)
    return ModelVersion.objects.create(
        model=version.model,
        number=2,
        sha256="2" * 64,
        folder="none",
        architecture="compact_resnet",
        labels=list(Finding),
        preprocessing_version="test",
        operating_points={},
        audit=PASSED,
        created_by="scientist@example.org",
    )


def promote(client: APIClient, number: int = 2, **body: object) -> Any:
    """Ask for a promotion."""
    address = reverse("api:model-promote", args=["cxr", number])
    return client.post(address, {"reason": "Better", **body}, format="json")


def test_promotion_and_rollback(session_of: ClientOf, version: ModelVersion, second: ModelVersion) -> None:
    administrator = session_of(Role.ADMINISTRATOR)

    answer = promote(administrator)
    assert answer.status_code == 200
    moved = answer.json()
    assert (moved["from_version"], moved["to_version"], moved["reason"]) == (1, 2, "Better")
    assert champion() == second

    Alias.objects.filter(name="champion").update(version=second)
    history = administrator.get(reverse("api:model-history", args=["cxr"])).json()["results"]
    assert [(move["to_version"], move["by"]) for move in history] == [(2, "administrator@example.org")]


def test_rollback_says_when_there_is_nothing_before(session_of: ClientOf, second: ModelVersion) -> None:
    address = reverse("api:model-rollback", args=["cxr"])
    administrator = session_of(Role.ADMINISTRATOR)
    assert administrator.post(address, {"reason": "Bad"}, format="json").status_code == 400
    promote(administrator, 1, override=True)
    for number in (2, 1):
        promote(administrator, number, override=True)

    answer = administrator.post(address, {"reason": "Bad"}, format="json")

    assert answer.status_code == 200
    assert (answer.json()["to_version"], answer.json()["is_rollback"]) == (2, True)


def test_the_gate_s_objections_are_listed_until_overridden(
    session_of: ClientOf, second: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=second.pk).update(audit={})
    administrator = session_of(Role.ADMINISTRATOR)

    refused = promote(administrator)
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    assert "has not been audited here" in refused.json()["objections"][0]
    shown = administrator.get(reverse("api:model-version", args=["cxr", 2])).json()
    assert shown["objections"] == refused.json()["objections"]

    assert promote(administrator, override=True).json()["overridden"] == refused.json()["objections"]


def test_a_reason_is_required(session_of: ClientOf, second: ModelVersion) -> None:
    answer = promote(session_of(Role.ADMINISTRATOR), reason="")
    assert answer.status_code == 400
    assert "reason" in answer.json()["errors"]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_nobody_else_moves_aliases(role: Role, session_of: ClientOf, second: ModelVersion) -> None:
    client = session_of(role)
    sees = role in {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.INTEGRATOR}
    answers = [
        promote(client, override=True),
        client.post(reverse("api:model-rollback", args=["cxr"]), {"reason": "x"}, format="json"),
        client.post(
            reverse("api:model-challenger", args=["cxr"]), {"version": 2, "reason": "x"}, format="json"
        ),
    ]
    assert [answer.status_code for answer in answers] == [403 if sees else 404] * 3
    assert (champion(), challenger()) == (second.model.versions.get(number=1), None)


@pytest.mark.parametrize("role", Role)
def test_who_sees_history_and_shadow(role: Role, session_of: ClientOf, second: ModelVersion) -> None:
    Alias.objects.create(model=second.model, name=Alias.Name.CHALLENGER, version=second)
    client = session_of(role)
    sees = role in {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.INTEGRATOR, Role.ADMINISTRATOR}
    for name in ("model-history", "model-shadow"):
        answer = client.get(reverse(f"api:{name}", args=["cxr"]))
        assert answer.status_code == (200 if sees else 404), name


def test_a_challenger_comes_and_goes(session_of: ClientOf, second: ModelVersion) -> None:
    administrator = session_of(Role.ADMINISTRATOR)
    address = reverse("api:model-challenger", args=["cxr"])

    assert administrator.post(address, {"version": 2, "reason": "look"}, format="json").status_code == 200
    assert challenger() == second
    assert administrator.post(address, {"version": None, "reason": "seen"}, format="json").status_code == 200
    assert challenger() is None
    assert administrator.get(reverse("api:model-shadow", args=["cxr"])).status_code == 404
    assert administrator.post(address, {"version": 9, "reason": "?"}, format="json").status_code == 404


def test_the_shadow_is_compared_without_naming_anybody(
    session_of: ClientOf, diagnosis: Diagnosis, second: ModelVersion, user_of: Callable[..., Any]
) -> None:
    Alias.objects.create(model=second.model, name=Alias.Name.CHALLENGER, version=second)
    Diagnosis.objects.filter(pk=diagnosis.pk).update(timing_ms={"total": 10.0})
    ShadowResult.objects.create(
        diagnosis=diagnosis,
        instance=diagnosis.instance,
        model_version=second,
        status="completed",
        label="lung_opacity",
        abnormality=0.48,
        timing_ms={"total": 20.0},
    )
    Review.objects.create(
        diagnosis=diagnosis, reviewer=user_of(Role.RADIOLOGIST), verdict="disagree", label="lung_opacity"
    )

    body = session_of(Role.DATA_SCIENTIST).get(reverse("api:model-shadow", args=["cxr"])).json()

    assert (body["version"], body["images"], body["compared"], body["agreement"]) == (2, 1, 1, 0.0)
    assert body["changes"] == [{"champion": "covid19", "challenger": "lung_opacity", "images": 1}]
    assert body["abnormality_difference"] == pytest.approx(-0.5)
    assert (body["reviewed"], body["champion_right"], body["challenger_right"]) == (1, 0, 1)
    told = json.dumps(body)
    study = diagnosis.instance.series.study
    for identity in (study.study_instance_uid, diagnosis.instance.sop_instance_uid):
        assert identity not in told


@pytest.fixture
def archive(version: ModelVersion, settings: Settings, tmp_path: Path, session_of: ClientOf) -> bytes:
    """The first version's archive, as REST hands it out."""
    settings.MODELS_DIR, settings.DATA_DIR = tmp_path / "models", tmp_path / "data"
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in MODEL_FILES:
        (folder / name).write_text(f"not a {name}")
    each: dict[str, float] = dict.fromkeys(Finding, 0.5)
    write_spec(folder, ModelSpec("cxr", "compact_resnet", tuple(Finding), 64, "test", 1.0, each, each))
    sha256 = folder_check(folder).sha256
    (tmp_path / "models").mkdir()
    folder.rename(tmp_path / "models" / sha256)
    ModelVersion.objects.filter(pk=version.pk).update(sha256=sha256, folder=sha256)
    answer = session_of(Role.RADIOLOGIST).get(reverse("api:model-archive", args=["cxr", 1]))
    assert answer["Content-Disposition"] == 'attachment; filename="cxr-1.zip"'
    return b"".join(answer)


def bring(client: APIClient, data: bytes) -> Any:
    """Send an archive."""
    file = BytesIO(data)
    file.name = "cxr-1.zip"
    return client.post(reverse("api:models"), {"archive": file}, format="multipart")


def test_a_known_archive_is_200(session_of: ClientOf, archive: bytes) -> None:
    answer = bring(session_of(Role.DATA_SCIENTIST), archive)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


def test_a_bad_archive_is_refused_with_the_reason(session_of: ClientOf, archive: bytes) -> None:
    scientist = session_of(Role.DATA_SCIENTIST)
    for data, reason in ((archive[:-30], "no archive of a model version"), (b"x", "no archive")):
        answer = bring(scientist, data)
        assert answer.status_code == 400
        assert reason in answer.json()["detail"]
    ModelVersion.objects.update(sha256="0" * 64)  # unknown now: its graphs, which are none, are asked
    answer = bring(scientist, archive)
    assert answer.status_code == 400
    assert "golden prediction" in answer.json()["detail"]
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DATA_SCIENTIST}))
def test_only_data_scientists_bring_models(role: Role, session_of: ClientOf, db: None) -> None:
    assert bring(session_of(role), b"x").status_code == 403


def test_archives_are_for_those_who_see_models(session_of: ClientOf, version: ModelVersion) -> None:
    address = reverse("api:model-archive", args=["cxr", 1])
    assert session_of(Role.CLINICIAN).get(address).status_code == 404


def test_a_key_promotes_by_its_scope(key_of: Callable[..., APIClient], second: ModelVersion) -> None:
    assert promote(key_of(Role.ADMINISTRATOR, "models:read")).status_code == 403
    assert promote(key_of(Role.ADMINISTRATOR, "models:read", "models:promote")).status_code == 200
