"""Rows that diagnosis works on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings

from apps.accounts.access import Actor
from apps.accounts.models import User
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.diagnosis.models import Diagnosis
from apps.diagnosis.services import diagnosis_queue
from apps.registry.engine import folder_check
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.studies.models import Instance, Patient, Received, Series, Study
from apps.studies.objects import object_put
from apps.studies.services.ingest import object_ingest
from ml.contracts import Finding

InstanceMaker = Callable[..., Instance]
ActorMaker = Callable[[Role], Actor]


@pytest.fixture
def version(db: None) -> ModelVersion:
    """A champion whose folder nobody opens."""
    model = RegisteredModel.objects.create(name="cxr")
    version = ModelVersion.objects.create(
        model=model,
        number=1,
        sha256="a" * 64,
        folder="a" * 64,
        architecture="compact_resnet",
        labels=[finding.value for finding in Finding],
        preprocessing_version="lungs-2",
        operating_points={},
        created_by="somebody",
    )
    Alias.objects.create(model=model, name=Alias.Name.CHAMPION, version=version)
    return version


@pytest.fixture
def bundled(db: None) -> ModelVersion:
    """The bundled model as champion, its folder where versions are kept."""
    checked = folder_check(Path(settings.BUNDLED_MODEL_DIR))
    return version_of(
        checked.sha256,
        Path(settings.BUNDLED_MODEL_DIR),
        labels=checked.spec.labels,
        preprocessing_version=checked.spec.preprocessing_version,
    )


def version_of(
    sha256: str, folder: Path, *, labels: tuple[str, ...], preprocessing_version: str = "lungs-2"
) -> ModelVersion:
    """Make a version of a folder, champion from now on; nothing is checked."""
    models = Path(settings.MODELS_DIR)
    models.mkdir(exist_ok=True)
    if not (models / sha256).exists():
        (models / sha256).symlink_to(folder)
    model, _ = RegisteredModel.objects.get_or_create(name="cxr")
    version = ModelVersion.objects.create(
        model=model,
        number=model.versions.count() + 1,
        sha256=sha256,
        folder=sha256,
        architecture="compact_resnet",
        labels=list(labels),
        preprocessing_version=preprocessing_version,
        operating_points={},
        created_by="somebody",
    )
    Alias.objects.update_or_create(model=model, name=Alias.Name.CHAMPION, defaults={"version": version})
    return version


@pytest.fixture
def receive(db: None) -> Callable[[bytes], Diagnosis]:
    """Receive a file through the one door and return the diagnosis that it caused."""

    def receive(data: bytes) -> Diagnosis:
        received = object_ingest(source=data, door=Received.Door.IMPORT, sender="tests", actor="tests")
        assert received.outcome == "stored", received
        return Diagnosis.objects.get(instance=received.instance)

    return receive


@pytest.fixture
def make_instance(db: None) -> InstanceMaker:
    """Make an instance that holds some bytes, in a study of its own or in a given one."""
    numbers = count(1)

    def make(*, data: bytes = b"no image", study: Study | None = None, patient_name: str = "") -> Instance:
        number = next(numbers)
        if study is None:
            patient = Patient.objects.create(patient_id=f"P{number}", patient_name=patient_name)
            study = Study.objects.create(
                study_instance_uid=f"2.25.1.{number}", patient=patient, accession_number=f"A{number}"
            )
            study.refresh_from_db()
        series = Series.objects.create(series_instance_uid=f"2.25.2.{number}", study=study)
        sha256 = hashlib.sha256(data).hexdigest()
        instance = Instance.objects.create(
            series=series,
            sop_instance_uid=f"2.25.3.{number}",
            sha256=sha256,
            file_sha256=sha256,
            size=len(data),
            storage_key=object_put(data),
            door=Received.Door.IMPORT,
        )
        instance.refresh_from_db()
        return instance

    return make


@pytest.fixture
def make_queued(make_instance: InstanceMaker, version: ModelVersion) -> Callable[..., Diagnosis]:
    """Make a queued diagnosis of an instance."""

    def make(**instance: object) -> Diagnosis:
        diagnosis = diagnosis_queue(instance=make_instance(**instance))
        diagnosis.refresh_from_db()
        return diagnosis

    return make


@pytest.fixture
def actor_of(db: None) -> ActorMaker:
    """Make an actor with exactly a role's rights, and an account of its own."""

    def make(role: Role) -> Actor:
        user = User.objects.create_user(f"{role.value}@example.org")
        return Actor(name=user.email, role=role, rights=RIGHTS_OF_ROLE[role], user_id=user.pk)

    return make
