"""Patients whose radiographs a version has classified and a reader has read."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any

from pydicom import dcmread

from apps.accounts.access import Actor
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.diagnosis.models import Diagnosis, Finding, Review
from apps.diagnosis.services import review_record
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.studies.models import Instance, Patient, Received
from apps.studies.services.ingest import object_ingest
from ml.contracts import Finding as Label
from ml.phantom import phantom_dicom

SIZE = (192, 192)
NAME = "Nightingale^Florence"
BIRTH_DATE = "19200512"
STUDY_DATE = date(2024, 3, 5)


def champion_version() -> ModelVersion:
    """Return a champion whose folder nobody opens."""
    model, _ = RegisteredModel.objects.get_or_create(name="cxr")
    version, _ = ModelVersion.objects.get_or_create(
        model=model,
        number=1,
        defaults={
            "sha256": "a" * 64,
            "folder": "a" * 64,
            "architecture": "compact_resnet",
            "labels": [label.value for label in Label],
            "preprocessing_version": "test",
            "operating_points": {},
            "created_by": "test",
        },
    )
    Alias.objects.get_or_create(model=model, name=Alias.Name.CHAMPION, defaults={"version": version})
    return version


def account(role: Role) -> User:
    """Return the account of a role."""
    roles_sync()
    email = f"{role}@example.org"
    return User.objects.filter(email=email).first() or user_create(
        email=email, role=role, password="Correct-horse-7-battery", by="test"
    )


def actor_of(role: Role) -> Actor:
    """Return an actor of a role."""
    return Actor.of_user(account(role))


def radiograph(label: str, *, seed: int, patient_id: str = "", **attributes: Any) -> Instance:
    """Receive a phantom of a finding; `attributes` are DICOM attributes to set."""
    ds = dcmread(BytesIO(phantom_dicom(label, seed=seed, size=SIZE)))
    ds.PatientID = patient_id or f"MRN-{seed:05d}"
    ds.PatientName = NAME
    ds.PatientBirthDate = BIRTH_DATE
    ds.StudyDate = STUDY_DATE.strftime("%Y%m%d")
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    stream = BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    result = object_ingest(source=stream, door=Received.Door.IMPORT, sender="test", actor="test")
    assert result.instance is not None, result.detail
    return result.instance


def classified(
    instance: Instance, label: str, *, probabilities: dict[str, float] | None = None, **fields: Any
) -> Diagnosis:
    """Give the instance's diagnosis a result."""
    version = champion_version()
    values = probabilities or {one: 0.8 if one == label else 0.05 for one in map(str, Label)}
    diagnosis = Diagnosis.objects.current().get(instance=instance)
    outcome = {"label": label, "prediction_set": [label], "abnormality": 1 - values[Label.NORMAL]} | fields
    Diagnosis.objects.filter(pk=diagnosis.pk).update(
        status=Diagnosis.Status.COMPLETED, model_version=version, **outcome
    )
    Finding.objects.bulk_create(
        Finding(diagnosis=diagnosis, label=one, probability=value) for one, value in values.items()
    )
    diagnosis.refresh_from_db()
    return diagnosis


def read(instance: Instance, label: str, *, seen: str = "", **fields: Any) -> Review:
    """Let the version say `label`, and a reader agree, or see something else."""
    diagnosis = classified(instance, label, **fields)
    return review_record(
        diagnosis=diagnosis,
        actor=actor_of(Role.RADIOLOGIST),
        verdict=Review.Verdict.DISAGREE if seen else Review.Verdict.AGREE,
        label=seen,
    )


def patient_of(instance: Instance) -> Patient:
    """Return whose image it is."""
    return instance.series.study.patient
