"""Pages of data sets, of a patient's consent and laboratory results, and of what is worth a review."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.retraining.models import DatasetSnapshot, LaboratoryResult, ResearchConsent
from apps.retraining.services import snapshot_build
from ml.contracts import INCONCLUSIVE
from ml.contracts import Finding as Label
from tests.portal.conftest import ClientOf, StudyMaker, diagnosis_of
from tests.retraining.patients import NAME, radiograph, read


@pytest.fixture(autouse=True)
def _folders(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    settings.RESEARCH_CONSENT_DEFAULT = True


@pytest.fixture
def scientist(client_of: ClientOf) -> Client:
    return client_of(Role.DATA_SCIENTIST)


@pytest.fixture
def frozen(scientist: Client) -> DatasetSnapshot:
    """A data set of two images, asked for on the page."""
    for seed in range(2):
        read(radiograph("normal", seed=seed), "normal")
    form = {"name": "Spring", "consent_scope": "site", "folds": 2, "seed": 20}
    answer = scientist.post(reverse("portal:snapshot_start"), form)
    snapshot = DatasetSnapshot.objects.get()
    assert answer["Location"] == reverse("portal:snapshot", args=[snapshot.pk])
    snapshot_build(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot


def test_a_data_set_is_shown_without_its_patients(scientist: Client, frozen: DatasetSnapshot) -> None:
    text = scientist.get(reverse("portal:snapshot", args=[frozen.pk])).content.decode()
    assert frozen.sha256 in text
    assert "Images 1 to 2 of 2" in text
    for secret in (*NAME.split("^"), "MRN", "1920", "2.25."):
        assert secret not in text
    assert "Spring" in scientist.get(reverse("portal:snapshots")).content.decode()


def test_its_images_are_shown_and_nothing_else_is(scientist: Client, frozen: DatasetSnapshot) -> None:
    sha256 = Path(frozen.images.first().file).stem  # type: ignore[union-attr]  # there are two
    answer = scientist.get(reverse("portal:snapshot_picture", args=[frozen.pk, sha256]))
    with Image.open(BytesIO(b"".join(answer))) as image:
        assert (image.mode, image.info) == ("L", {})
    answer.close()
    for name in ("0" * 64, "manifest", sha256[:-1]):
        assert scientist.get(reverse("portal:snapshot_picture", args=[frozen.pk, name])).status_code == 404


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DATA_SCIENTIST}))
def test_nobody_else_sees_a_data_set(role: Role, client_of: ClientOf, frozen: DatasetSnapshot) -> None:
    sha256 = Path(frozen.images.first().file).stem  # type: ignore[union-attr]  # there are two
    client = client_of(role)
    assert client.get(reverse("portal:snapshot", args=[frozen.pk])).status_code == 404
    assert client.get(reverse("portal:snapshot_picture", args=[frozen.pk, sha256])).status_code == 404
    assert client.post(reverse("portal:snapshot_start"), {"name": "mine"}).status_code == 403


def test_the_page_follows_the_making_and_then_loads_itself_again(scientist: Client) -> None:
    snapshot = DatasetSnapshot.objects.create(
        name="Spring",
        laboratory_days=7,
        requested_by="test",
        status="running",
        progress={"stage": "de-identifying", "done": 3, "total": 9},
    )
    address = reverse("portal:snapshot", args=[snapshot.pk])
    live = scientist.get(address, headers={"X-Live-Poll": "1"})
    assert "De-identifying: 3 of 9" in live.content.decode()
    assert "<html" not in live.content.decode()
    assert "HX-Refresh" not in live
    DatasetSnapshot.objects.update(status="failed", error="No image may be used.")
    assert scientist.get(address, headers={"X-Live-Poll": "1"})["HX-Refresh"] == "true"
    assert "No image may be used." in scientist.get(address).content.decode()


def test_a_faulty_wish_is_shown_on_the_form(scientist: Client) -> None:
    answer = scientist.post(reverse("portal:snapshot_start"), {"name": "Spring", "folds": 1, "seed": 20})
    assert answer.status_code == 200
    assert "greater than or equal to 2" in answer.content.decode()
    assert not DatasetSnapshot.objects.exists()


def test_consent_and_its_withdrawal_are_recorded_on_the_patient_s_page(
    reader: Client, frozen: DatasetSnapshot
) -> None:
    patient = frozen.images.first().instance.series.study.patient  # type: ignore[union-attr]  # there are two
    page, form = (reverse(f"portal:patient_{name}", args=[patient.pk]) for name in ("records", "consent"))
    assert "Nothing is recorded." in reader.get(page).content.decode()
    consent = {"decision": "granted", "scope": "site", "decided_on": "2024-03-01", "evidence": "folder B"}
    assert reader.post(form, consent)["Location"] == page
    assert "Granted on 1 Mar 2024" in reader.get(page).content.decode()
    withdrawal = {"decision": "withdrawn", "scope": "site", "decided_on": timezone.localdate().isoformat()}
    reader.post(form, withdrawal)
    text = reader.get(page).content.decode()
    assert "Withdrawn on" in text
    assert "Spring" in text
    assert [one.recorded_by for one in ResearchConsent.objects.all()] == ["radiologist@example.org"] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evidence": ""}, "where the signed form is"),
        ({"decided_on": "2999-01-01"}, "lies in the future"),
        ({"decided_on": "yesterday"}, "Enter a valid date"),
    ],
)
def test_a_faulty_decision_is_shown_on_the_form(
    reader: Client, make_study: StudyMaker, change: dict[str, str], message: str
) -> None:
    patient = make_study(label=Label.NORMAL).patient
    form = {"decision": "granted", "scope": "site", "decided_on": "2024-03-01", "evidence": "form", **change}
    answer = reader.post(reverse("portal:patient_consent", args=[patient.pk]), form)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not ResearchConsent.objects.exists()


def test_a_laboratory_result_is_recorded_and_listed(reader: Client, make_study: StudyMaker) -> None:
    patient = make_study(label=Label.NORMAL).patient
    form = {"test": "rt_pcr", "finding": "covid19", "result": "positive", "specimen_date": "2024-03-01"}
    reader.post(reverse("portal:patient_laboratory", args=[patient.pk]), form)
    assert LaboratoryResult.objects.get().recorded_by == "radiologist@example.org"
    text = reader.get(reverse("portal:patient_records", args=[patient.pk])).content.decode()
    assert "RT-PCR" in text
    assert "COVID-19" in text


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.DATA_SCIENTIST, Role.ADMINISTRATOR])
def test_only_readers_record(role: Role, client_of: ClientOf, make_study: StudyMaker) -> None:
    patient = make_study(label=Label.NORMAL).patient
    client = client_of(role)
    for name in ("consent", "laboratory"):
        answer = client.post(reverse(f"portal:patient_{name}", args=[patient.pk]), {})
        assert answer.status_code == 404


def test_the_reading_page_leads_to_the_patient_s_records(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(label=Label.NORMAL)
    text = reader.get(reverse("portal:reading", args=[study.pk])).content.decode()
    assert reverse("portal:patient_records", args=[study.patient_id]) in text


def test_what_is_worth_a_review_leads_to_the_reading_page(
    reader: Client, make_study: StudyMaker, settings: Settings
) -> None:
    make_study(label=Label.NORMAL, probability=0.99)
    doubtful = make_study(label=INCONCLUSIVE, probability=0.3, kept=["viral_pneumonia", "covid19"])
    text = reader.get(reverse("portal:learning")).content.decode()
    instance = diagnosis_of(doubtful).instance_id
    assert f"{reverse('portal:reading', args=[doubtful.pk])}?image={instance}" in text
    assert "2 findings remain possible." in text
    assert text.count("?image=") == 1
    settings.RESEARCH_CONSENT_DEFAULT = False
    text = reader.get(reverse("portal:learning")).content.decode()
    assert "Nothing is waiting" in text
    assert "1 more would be worth it" in text
