"""The challenger answers after the champion, unseen, and never in a reader's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.models import Diagnosis, ShadowResult, WorklistEntry
from apps.diagnosis.selectors import diagnosis_result
from apps.diagnosis.services import diagnosis_run, shadows_run, shadows_sweep
from apps.diagnosis.signals import shadow_queued
from apps.registry.engine import folder_check
from apps.registry.models import Alias, ModelVersion
from apps.studies.objects import object_storage
from ml.contracts import Finding
from ml.phantom import phantom_dicom
from tests.diagnosis.conftest import version_of
from tests.ml.tiny_version import write_tiny_version

pytestmark = pytest.mark.django_db
Receive = Callable[[bytes], Diagnosis]
SIZE = (300, 300)


@pytest.fixture
def challenger(bundled: ModelVersion, tmp_path: Path) -> ModelVersion:
    """A small version that always says bacterial pneumonia, beside the bundled champion."""
    spec = write_tiny_version(tmp_path / "tiny", slopes=(-9.0, -9.0, -9.0, 30.0, -9.0))
    version = version_of(folder_check(tmp_path / "tiny").sha256, tmp_path / "tiny", labels=spec.labels)
    Alias.objects.filter(name=Alias.Name.CHAMPION).update(version=bundled)
    Alias.objects.create(model=bundled.model, name=Alias.Name.CHALLENGER, version=version)
    return version


def answered(receive: Receive, kind: str = Finding.NORMAL, seed: int = 1) -> Diagnosis:
    """Receive an image and let the champion answer."""
    diagnosis = receive(phantom_dicom(kind, seed=seed, size=SIZE))
    diagnosis_run(diagnosis_id=diagnosis.pk)
    diagnosis.refresh_from_db()
    return diagnosis


def test_the_challenger_answers_beside_the_champion_and_no_reader_sees_it(
    bundled: ModelVersion, challenger: ModelVersion, receive: Receive
) -> None:
    diagnosis = answered(receive)
    before, entry = diagnosis_result(diagnosis), WorklistEntry.objects.values().get()

    assert shadows_run() == 1

    shadow = ShadowResult.objects.get()
    assert (shadow.status, shadow.model_version, shadow.diagnosis) == ("completed", challenger, diagnosis)
    assert shadow.instance == diagnosis.instance
    assert max(shadow.probabilities, key=shadow.probabilities.__getitem__) == Finding.BACTERIAL_PNEUMONIA
    assert np.isclose(sum(shadow.probabilities.values()), 1)
    assert {"decode", "infer", "total"} <= shadow.timing_ms.keys()
    diagnosis.refresh_from_db()
    assert diagnosis_result(diagnosis) == before
    assert before["model"]["sha256"] == bundled.sha256
    assert WorklistEntry.objects.values().get() == entry
    assert shadows_run() == 0


def test_without_a_challenger_nothing_is_kept(bundled: ModelVersion, receive: Receive) -> None:
    answered(receive)
    assert not ShadowResult.objects.exists()


def test_readers_come_first(challenger: ModelVersion, receive: Receive) -> None:
    answered(receive)
    waiting = receive(phantom_dicom(Finding.NORMAL, seed=2, size=SIZE))
    told: list[object] = []

    def tell(**_: object) -> None:
        told.append(1)

    shadow_queued.connect(tell)
    try:
        assert shadows_run() == 0
        shadows_sweep()
        assert told == []
        diagnosis_run(diagnosis_id=waiting.pk)
        shadows_sweep()
        assert told == [1]
    finally:
        shadow_queued.disconnect(tell)
    assert shadows_run() == 2


def test_an_image_that_both_refuse(challenger: ModelVersion, receive: Receive) -> None:
    diagnosis = answered(receive, "blank")
    shadows_run()
    shadow = ShadowResult.objects.get()
    assert diagnosis.status == shadow.status == "rejected"
    assert shadow.rejections


def test_a_challenger_that_cannot_be_loaded_gives_the_attempt_back(
    challenger: ModelVersion, receive: Receive
) -> None:
    graph = Path(settings.MODELS_DIR) / challenger.folder / "model.bin"
    graph.write_bytes(b"")
    diagnosis = answered(receive)

    assert shadows_run() == 0

    shadow = ShadowResult.objects.get()
    assert (shadow.status, shadow.attempts, diagnosis.status) == ("queued", 0, "completed")
    assert "model.bin" in shadow.error


def test_what_cannot_be_read_any_more_fails_after_its_attempts(
    challenger: ModelVersion, receive: Receive
) -> None:
    diagnosis = answered(receive)
    Path(object_storage().path(diagnosis.instance.storage_key)).unlink()

    assert shadows_run() == MAX_ATTEMPTS

    shadow = ShadowResult.objects.get()
    assert (shadow.status, shadow.attempts) == ("failed", MAX_ATTEMPTS)
    assert "is gone" in shadow.error


def test_one_that_killed_its_workers_is_given_up(challenger: ModelVersion, receive: Receive) -> None:
    answered(receive)
    ShadowResult.objects.update(
        status="running", attempts=MAX_ATTEMPTS, lease_expires_at=timezone.now() - timedelta(seconds=1)
    )

    shadows_sweep()

    assert ShadowResult.objects.get().status == "failed"


def test_what_an_earlier_challenger_left_is_left(challenger: ModelVersion, receive: Receive) -> None:
    answered(receive)
    Alias.objects.filter(name=Alias.Name.CHALLENGER).delete()

    assert shadows_run() == 0
    assert ShadowResult.objects.get().status == "queued"
