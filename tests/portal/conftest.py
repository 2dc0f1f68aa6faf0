"""Browsers of every role, and studies in every state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from itertools import count
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.diagnosis.models import Diagnosis, Finding, Triage, WorklistEntry
from apps.diagnosis.services import diagnosis_queue, worklist_refresh
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.studies.models import Instance, Patient, Received, Series, Study
from apps.studies.objects import object_put
from ml.contracts import INCONCLUSIVE
from ml.contracts import Finding as Label

PASSWORD = "Correct-horse-7-battery"
TRIAGE = {
    Label.NORMAL: Triage.ROUTINE,
    Label.COVID19: Triage.URGENT,
    Label.BACTERIAL_PNEUMONIA: Triage.URGENT,
}

ClientOf = Callable[[Role], Client]
StudyMaker = Callable[..., Study]


@pytest.fixture
def user_of(db: None) -> Callable[[Role], User]:
    """Make the account of a role."""
    roles_sync()

    def make(role: Role) -> User:
        found = User.objects.filter(email=f"{role}@example.org").first()
        return found or user_create(email=f"{role}@example.org", role=role, password=PASSWORD, by="test")

    return make


@pytest.fixture
def client_of(user_of: Callable[[Role], User], settings: Any) -> ClientOf:
    """Make a signed-in browser of a role; forms are checked for forgery as in life."""
    settings.MFA_REQUIRED = False

    def make(role: Role) -> Client:
        client = Client()
        client.force_login(user_of(role))
        return client

    return make


@pytest.fixture
def reader(client_of: ClientOf) -> Client:
    """A radiologist's browser."""
    return client_of(Role.RADIOLOGIST)


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
        labels=[label.value for label in Label],
        preprocessing_version="test",
        operating_points=dict.fromkeys(Label, 0.4),
        evaluation={"n": 1240, "balanced_accuracy": 0.85},
        card="# Card",
        created_by="test",
    )
    Alias.objects.create(model=model, name=Alias.Name.CHAMPION, version=version)
    return version


def png(grey: int = 128, size: tuple[int, int] = (160, 160)) -> bytes:
    """Return a PNG of one grey."""
    stream = BytesIO()
    Image.new("L", size, grey).save(stream, "PNG")
    return stream.getvalue()


def ramp() -> bytes:
    """Return a PNG whose columns hold the greys 0 to 199."""
    stream = BytesIO()
    Image.frombytes("L", (200, 200), bytes(range(200)) * 200).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def make_study(version: ModelVersion) -> StudyMaker:
    """Make a study with one image, in the state that the arguments describe.

    `label` makes a completed result (`kept` its prediction set), `rejections` a refusal; `status` alone
    leaves the diagnosis there. Without any of them it waits in the queue.
    """
    numbers = count(1)

    def make(
        *,
        label: str = "",
        probability: float = 0.9,
        kept: list[str] | None = None,
        rejections: list[dict[str, str]] | None = None,
        status: str = "",
        patient_name: str = "SYNTHETIC^One",
        patient_id: str = "",
        patient: Patient | None = None,
        received_at: datetime | None = None,
        warnings: list[str] | None = None,
        preview: bool = True,
        image: bytes = b"",
    ) -> Study:
        number = next(numbers)
        patient = patient or Patient.objects.create(
            patient_id=patient_id or f"P{number}", patient_name=patient_name
        )
        study = Study.objects.create(
            study_instance_uid=f"2.25.1.{number}",
            patient=patient,
            accession_number=f"A-{number:04d}",
            study_description="Chest PA",
        )
        study.refresh_from_db()
        instance = Instance.objects.create(
            series=Series.objects.create(series_instance_uid=f"2.25.2.{number}", study=study, modality="DX"),
            sop_instance_uid=f"2.25.3.{number}",
            sha256=f"{number:064d}",
            file_sha256=f"{number:064d}",
            size=100,
            storage_key=object_put(image or png(number % 256), suffix=".png"),
            file_format=Instance.FileFormat.PNG,
            door=Received.Door.IMPORT,
            preview_key=object_put(png(), suffix=".png") if preview else "",
        )
        instance.refresh_from_db()
        diagnosis = diagnosis_queue(instance=instance)
        if label:
            _complete(diagnosis, label, probability, kept, warnings or [])
        elif rejections is not None:
            Diagnosis.objects.filter(pk=diagnosis.pk).update(status="rejected", rejections=rejections)
        elif status:
            Diagnosis.objects.filter(pk=diagnosis.pk).update(status=status, attempts=3, error="It broke.")
        worklist_refresh(study=study)
        if received_at:
            WorklistEntry.objects.filter(study=study).update(received_at=received_at)
        return study

    def _complete(
        diagnosis: Diagnosis, label: str, probability: float, kept: list[str] | None, warnings: list[str]
    ) -> None:
        likeliest = label if label != INCONCLUSIVE else Label.VIRAL_PNEUMONIA
        rest = (1 - probability) / (len(Label) - 1)
        probabilities = {one: probability if one == likeliest else rest for one in Label}
        Diagnosis.objects.filter(pk=diagnosis.pk).update(
            status="completed",
            model_version=version,
            label=label,
            prediction_set=[label] if kept is None else kept,
            covid19_status="negative",
            abnormality=1 - probabilities[Label.NORMAL],
            triage=TRIAGE.get(label, Triage.PRIORITY),  # type: ignore[call-overload]  # None stands for no label
            warnings=warnings,
            lung_outline_key=object_put(png(), suffix=".png"),
        )
        Finding.objects.bulk_create(
            Finding(
                diagnosis=diagnosis,
                label=one,
                probability=value,
                operating_point=0.4,
                saliency_key=object_put(png(200), suffix=".png"),
            )
            for one, value in probabilities.items()
        )

    return make


def diagnosis_of(study: Study) -> Diagnosis:
    """Return the study's newest diagnosis."""
    return Diagnosis.objects.filter(instance__series__study=study).latest("pk")


def instance_of(study: Study) -> Instance:
    """Return the study's image."""
    return Instance.objects.get(series__study=study)
