"""Which version answers: the champion of the moment, or an earlier one while it cannot be loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.audit.models import AuditEvent
from apps.core.metrics import GaugeCollector
from apps.diagnosis import engine
from apps.diagnosis.models import Diagnosis, LoadFailure
from apps.diagnosis.services import diagnosis_run, serving, version_to_serve, versions_warm
from apps.registry.engine import folder_check
from apps.registry.models import Alias, ModelVersion
from apps.registry.services import alias_move
from ml.contracts import Finding
from ml.phantom import phantom_dicom
from tests.diagnosis.conftest import version_of

pytestmark = pytest.mark.django_db
Receive = Callable[[bytes], Diagnosis]


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    """Begin and end as a worker does that has loaded nothing."""
    engine._loaded.clear()
    serving._refused.clear()
    yield
    engine._loaded.clear()
    serving._refused.clear()


@pytest.fixture
def administrator(db: None) -> User:
    """Who is told."""
    roles_sync()
    return user_create(email="admin@example.org", role=Role.ADMINISTRATOR, password="p4ss-Word-1", by="test")


@pytest.fixture
def make_champion(db: None, tmp_path: Path) -> Callable[..., ModelVersion]:
    """Make a version of the bundled weights under a digest of its own, and move champion there."""

    def make(name: str) -> ModelVersion:
        folder = tmp_path / name
        shutil.copytree(settings.BUNDLED_MODEL_DIR, folder)
        spec = json.loads((folder / "model.json").read_text())
        spec["name"] = f"{name} {tmp_path.name}"
        (folder / "model.json").write_text(json.dumps(spec))
        version = version_of(folder_check(folder).sha256, folder, labels=tuple(spec["labels"]))
        Alias.objects.all().delete()
        present = version.model.alias_changes.first()
        if present and present.to_version:
            Alias.objects.create(model=version.model, name=Alias.Name.CHAMPION, version=present.to_version)
        alias_move(
            model=version.model, alias=Alias.Name.CHAMPION, to_version=version, by="admin", reason="test"
        )
        return version

    return make


def damage(version: ModelVersion) -> Callable[[], None]:
    """Flip a byte of the version's graph; return what mends it."""
    graph = Path(settings.MODELS_DIR) / version.folder / "model.bin"
    sound = graph.read_bytes()
    graph.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))

    def mend() -> None:
        graph.write_bytes(sound)

    return mend


def figure(name: str) -> float:
    """Read a gauge as Prometheus would."""
    return next(family.samples[0].value for family in GaugeCollector().collect() if family.name == name)


def test_an_image_that_waits_is_answered_by_the_champion_of_the_moment(
    make_champion: Callable[..., ModelVersion], receive: Receive
) -> None:
    first = make_champion("first")
    diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=1, size=(300, 300)))
    assert diagnosis.model_version == first
    second = make_champion("second")

    diagnosis_run(diagnosis_id=diagnosis.pk)

    diagnosis.refresh_from_db()
    assert (diagnosis.status, diagnosis.model_version) == (Diagnosis.Status.COMPLETED, second)


@pytest.mark.django_db(transaction=True)
def test_while_the_champion_cannot_be_loaded_the_one_before_it_serves_and_the_alarm_is_raised_once(
    make_champion: Callable[..., ModelVersion], receive: Receive, administrator: User
) -> None:
    first, second = make_champion("first"), make_champion("second")
    mend = damage(second)

    for seed in (1, 2):
        diagnosis = receive(phantom_dicom(Finding.NORMAL, seed=seed, size=(300, 300)))
        diagnosis_run(diagnosis_id=diagnosis.pk)
        diagnosis.refresh_from_db()
        assert (diagnosis.status, diagnosis.attempts, diagnosis.model_version) == ("completed", 1, first)

    failure = LoadFailure.objects.get()
    assert (failure.model_version, failure.served_instead, failure.open) == (second, first, True)
    assert "model.bin" in failure.error
    assert figure("cxr_model_load_failures") == 1
    event = AuditEvent.objects.get(action="model_load_failed")
    assert (event.object_id, event.outcome, event.detail["served_instead"]) == ("cxr:2", "failure", "cxr:1")
    [letter] = mail.outbox
    assert letter.to == [administrator.email]
    assert letter.subject == "[CXR Platform] cxr:2 cannot be loaded"
    assert "cxr:1 answers instead; nothing is lost" in letter.body

    mend()
    serving._refused.clear()  # as after a few seconds
    versions_warm()
    assert version_to_serve() == second
    assert figure("cxr_model_load_failures") == 0
    assert AuditEvent.objects.filter(action="model_load_mended").count() == 1


def test_a_challenger_that_cannot_be_loaded_raises_the_alarm_and_changes_nothing(
    make_champion: Callable[..., ModelVersion],
) -> None:
    second, first = make_champion("second"), make_champion("first")
    Alias.objects.create(model=first.model, name=Alias.Name.CHALLENGER, version=second)
    damage(second)

    versions_warm()

    failure = LoadFailure.objects.get()
    assert (failure.model_version, failure.served_instead) == (second, None)
    assert version_to_serve() == first


def test_a_watching_worker_has_champion_and_challenger_loaded(
    make_champion: Callable[..., ModelVersion],
) -> None:
    second, first = make_champion("second"), make_champion("first")
    Alias.objects.create(model=first.model, name=Alias.Name.CHALLENGER, version=second)

    versions_warm()

    assert set(engine._loaded) == {first.sha256, second.sha256}
    assert not LoadFailure.objects.exists()
