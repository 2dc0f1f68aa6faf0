"""Models on pages: side by side, promoted, challenged, rolled back, taken out and brought in."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis, LoadFailure, ShadowResult
from apps.portal import evaluation
from apps.registry.models import Alias, ModelVersion
from apps.registry.selectors import challenger, champion
from ml.contracts import Finding
from tests.portal.conftest import ClientOf, StudyMaker, diagnosis_of

AUDIT = {
    "verdict": "fail",
    "summary": "1 of 2 checks passed; failed: A3.",
    "checks": [
        {"code": "A1", "name": "Better than knowing the source", "verdict": "pass", "figure": 0.81},
        {
            "code": "A3",
            "name": "Lungs blacked out",
            "verdict": "fail",
            "figure": 0.7,
            "interval": [0.6, 0.8],
            "meaning": "It still knows.",
        },
    ],
}
COMPARISON = {
    "champion": "cxr:1",
    "n": 120,
    "verdict": "worse",
    "rows": [
        {
            "metric": "accuracy",
            "candidate": 0.7,
            "champion": 0.8,
            "difference": -0.1,
            "interval": [-0.15, -0.05],
            "verdict": "worse",
        }
    ],
}


@pytest.fixture
def second(version: ModelVersion) -> ModelVersion:
    """A second version with all that can be known of one."""
    measured = json.loads((Path(settings.BUNDLED_MODEL_DIR) / "evaluation.json").read_text())
    return ModelVersion.objects.create(
        model=version.model,
        number=2,
        sha256="b" * 64,
        folder="b" * 64,
        architecture="compact_resnet",
        labels=[label.value for label in Finding],
        preprocessing_version="test",
        operating_points=dict.fromkeys(Finding, 0.4),
        evaluation=measured,
        audit=AUDIT,
        comparison=COMPARISON,
        created_by="scientist@example.org",
    )


def page_of(client: Client, name: str, *arguments: Any, **query: Any) -> str:
    """Read a page."""
    answer = client.get(reverse(f"portal:{name}", args=arguments), query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def move(client: Client, name: str, *arguments: Any, **form: str) -> str:
    """Send a form and read the page that it leads to."""
    answer = client.post(
        reverse(f"portal:{name}", args=arguments), {"reason": "Because", **form}, follow=True
    )
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def chart(page: str, name: str) -> dict[str, Any]:
    """Read the data that a chart is drawn from."""
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', page)
    assert found
    assert f'data-chart="{name}"' in page
    return dict(json.loads(found[1]))


def test_a_version_shows_what_was_measured_of_it(reader: Client, second: ModelVersion) -> None:
    page = page_of(reader, "version", "cxr", 2)

    curves = chart(page, "roc")["data"]["datasets"]
    assert [line["label"] for line in curves[:2]] == ["Normal", "COVID-19"]
    assert len(curves[0]["data"]) > 20
    chart(page, "reliability")
    chart(page, "risk_coverage")
    assert "What cxr:2 calls each finding" in page
    assert "A3 Lungs blacked out" in page
    assert "0.600 to 0.800" in page
    assert "-0.150 to -0.050" in page
    assert "It is worse than cxr:1 on the same images in accuracy." in page


def test_two_versions_side_by_side(reader: Client, version: ModelVersion, second: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(evaluation={**second.evaluation, "accuracy": 0.5})

    page = page_of(reader, "compare", of=["cxr:1", "cxr:2", "cxr:9", "nonsense"])

    assert "50 %" in page
    assert "84 %" in page
    assert "82 % to 85 %" in page
    assert [line["label"] for line in chart(page, "risk_coverage")["data"]["datasets"]] == ["cxr:1", "cxr:2"]
    assert "cxr:2 against cxr:1: worse" in page
    assert "Nothing chosen" in page_of(reader, "compare")


@pytest.mark.parametrize(
    "measured",
    [
        {"accuracy": "high", "per_class": [], "auroc": 7, "curves": {"normal": {"roc": [1]}}},
        {"reliability": [1, None, {"confidence": "a"}], "risk_coverage": {"coverage": 1}},
        {"confusion": {"normal": {"normal": "many"}}, "intervals": {"accuracy": [0.1]}, "accuracy": True},
        {"accuracy": 0.5, "intervals": {"accuracy": ["a", "b"]}, "coverage": {"overall": None}},
    ],
)
def test_a_stranger_s_evaluation_breaks_no_page(
    measured: dict[str, Any], reader: Client, second: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=second.pk).update(evaluation=measured)
    page_of(reader, "version", "cxr", 2)
    page_of(reader, "compare", of=["cxr:2"])
    assert evaluation.charts_of([ModelVersion.objects.get(pk=second.pk)]) == {}


def test_promotion_tells_what_speaks_against_it_until_overridden(
    client_of: ClientOf, second: ModelVersion
) -> None:
    administrator = client_of(Role.ADMINISTRATOR)

    assert "Its audit failed: A3 (Lungs blacked out)." in move(administrator, "model_promote", "cxr", 2)
    assert champion() != second

    page = move(administrator, "model_promote", "cxr", 2, override="on", reason="Only for the trial")
    assert champion() == second
    assert "Champion is cxr:2 now." in page
    assert "against the gate: Only for the trial" in page
    assert "Overridden: Its audit failed" in page_of(administrator, "models")


def test_rollback_needs_a_reason_and_one_before(
    client_of: ClientOf, version: ModelVersion, second: ModelVersion
) -> None:
    administrator = client_of(Role.ADMINISTRATOR)
    assert "Go back" not in page_of(administrator, "models")
    for number in (2, 1):
        move(administrator, "model_promote", "cxr", number, override="on")
    assert "Roll back to cxr:2" in page_of(administrator, "models")

    assert "Say why" in move(administrator, "model_rollback", "cxr", reason="")
    assert champion() == version
    assert "Champion is cxr:2 now." in move(administrator, "model_rollback", "cxr")
    assert champion() == second


def test_a_challenger_comes_and_goes(client_of: ClientOf, second: ModelVersion) -> None:
    administrator = client_of(Role.ADMINISTRATOR)
    move(administrator, "model_challenge", "cxr", 2)
    assert challenger() == second
    assert "cxr:2 beside the champion" in page_of(administrator, "models")
    assert "Challenger is nobody now." in move(administrator, "challenge_end", "cxr")
    assert challenger() is None


def test_who_made_a_version_is_told_so(client_of: ClientOf, second: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=second.pk).update(created_by="administrator@example.org")
    administrator = client_of(Role.ADMINISTRATOR)
    assert "another person must approve it" in page_of(administrator, "version", "cxr", 2)
    assert "another person must approve it" in move(administrator, "model_promote", "cxr", 2, override="on")
    assert champion() != second


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_nobody_else_moves_aliases(role: Role, client_of: ClientOf, second: ModelVersion) -> None:
    client = client_of(role)
    form = {"reason": "x", "override": "on"}
    for name, arguments in (
        ("model_promote", ["cxr", 2]),
        ("model_challenge", ["cxr", 2]),
        ("challenge_end", ["cxr"]),
        ("model_rollback", ["cxr"]),
    ):
        assert client.post(reverse(f"portal:{name}", args=arguments), form).status_code == 404
    assert (champion() == second, challenger()) == (False, None)


@pytest.mark.parametrize("role", Role)
def test_who_sees_the_challenger_and_takes_a_version_out(
    role: Role, client_of: ClientOf, version: ModelVersion
) -> None:
    client = client_of(role)
    sees = role in {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.INTEGRATOR, Role.ADMINISTRATOR}
    assert client.get(reverse("portal:challenger", args=["cxr"])).status_code == (200 if sees else 404)
    assert client.get(reverse("portal:model_archive", args=["cxr", 1])).status_code == 404, (
        "its folder is gone"
    )


def test_the_challenger_s_page_names_no_patient_to_a_data_scientist(
    client_of: ClientOf, make_study: StudyMaker, second: ModelVersion
) -> None:
    study = make_study(label=Finding.COVID19, patient_name="SECRET^Person", patient_id="SECRET1")
    diagnosis: Diagnosis = diagnosis_of(study)
    Alias.objects.create(model=second.model, name=Alias.Name.CHALLENGER, version=second)
    for number in (1, 2):
        ShadowResult.objects.create(
            diagnosis=diagnosis if number == 1 else diagnosis_of(make_study(label=Finding.NORMAL)),
            instance=diagnosis.instance,
            model_version=second,
            status="completed",
            label="normal",
            abnormality=0.1,
            timing_ms={"total": 12.0},
        )
    scientist = page_of(client_of(Role.DATA_SCIENTIST), "challenger", "cxr")
    reader = page_of(client_of(Role.RADIOLOGIST), "challenger", "cxr")

    for page in (scientist, reader):
        assert "cxr:2 beside cxr:1" in page
        assert "1 of 2" in page
        assert "SECRET" not in page
        assert study.study_instance_uid not in page
    opened = reverse("portal:reading", args=[study.pk])
    assert opened in reader
    assert opened not in scientist


def test_a_version_that_cannot_be_loaded_is_told_on_the_models_page(
    client_of: ClientOf, version: ModelVersion, second: ModelVersion
) -> None:
    LoadFailure.objects.create(model_version=second, error="model.bin changed.", served_instead=version)
    page = page_of(client_of(Role.ADMINISTRATOR), "models")
    assert "cxr:2 cannot be loaded" in page
    assert "cxr:1 answers instead; nothing is lost" in page


def test_an_archive_that_is_none_is_refused_with_the_reason(
    client_of: ClientOf, version: ModelVersion
) -> None:
    scientist = client_of(Role.DATA_SCIENTIST)
    address = reverse("portal:model_import")
    sent = SimpleUploadedFile("model.zip", b"no archive", "application/zip")

    page = scientist.post(address, {"archive": sent}, follow=True).content.decode()
    assert "The archive is refused. The file is no archive of a model version" in page
    assert "Choose the archive" in scientist.post(address, follow=True).content.decode()
    assert client_of(Role.ADMINISTRATOR).post(address).status_code == 403
    assert ModelVersion.objects.count() == 1
