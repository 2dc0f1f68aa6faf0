"""Clients of REST, one per role, and a study with a result."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import api_key_create, roles_sync, user_create
from apps.diagnosis.models import Diagnosis, Finding, Triage
from apps.diagnosis.services import worklist_refresh
from apps.registry.models import ModelVersion, RegisteredModel
from apps.studies.models import Instance, Received
from apps.studies.services.ingest import object_ingest
from ml.contracts import Finding as FindingName

PROBABILITIES = dict(zip(FindingName, (0.02, 0.91, 0.03, 0.01, 0.03), strict=True))

ClientOf = Callable[[Role], APIClient]


@pytest.fixture
def user_of(db: None) -> Callable[[Role], User]:
    """Make an account of a role."""
    roles_sync()

    def make(role: Role) -> User:
        existing = User.objects.filter(email=f"{role}@example.org").first()
        return existing or user_create(
            email=f"{role}@example.org", role=role, password="p4ss-Word-1", by="test"
        )

    return make


@pytest.fixture
def session_of(user_of: Callable[[Role], User]) -> ClientOf:
    """Make a signed-in client, with CSRF checked as for a browser."""

    def make(role: Role) -> APIClient:
        client = APIClient()
        client.force_login(user_of(role))
        return client

    return make


@pytest.fixture
def key_of(user_of: Callable[[Role], User]) -> Callable[..., APIClient]:
    """Make a client with an API key of the given scopes."""

    def make(role: Role, *scopes: str) -> APIClient:
        _, key = api_key_create(user=user_of(role), scopes=list(scopes), by="test")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
        return client

    return make


def png(seed: int = 1, size: tuple[int, int] = (320, 256)) -> bytes:
    """Return a small PNG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def instance(db: None) -> Instance:
    """An image that was received; its diagnosis is queued."""
    result = object_ingest(source=png(), door=Received.Door.IMPORT, sender="test", actor="test")
    assert result.instance is not None
    return result.instance


@pytest.fixture
def version(db: None) -> ModelVersion:
    """A version's row, without artifacts: REST only reads it."""
    return ModelVersion.objects.create(
        model=RegisteredModel.objects.create(name="cxr"),
        number=1,
        sha256="0" * 64,
        folder="none",
        architecture="compact_resnet",
        labels=list(FindingName),
        preprocessing_version="test",
        operating_points=dict.fromkeys(FindingName, 0.4),
        created_by="test",
    )


@pytest.fixture
def diagnosis(instance: Instance, version: ModelVersion) -> Diagnosis:
    """A completed result, as the worker would have stored it."""
    found = Diagnosis.objects.get(instance=instance)
    Diagnosis.objects.filter(pk=found.pk).update(
        status=Diagnosis.Status.COMPLETED,
        model_version=version,
        label="covid19",
        covid19_status="positive",
        prediction_set=["covid19"],
        abnormality=0.98,
        triage=Triage.URGENT,
    )
    Finding.objects.bulk_create(
        Finding(diagnosis=found, label=label, probability=probability, operating_point=0.4)
        for label, probability in PROBABILITIES.items()
    )
    worklist_refresh(study=instance.series.study)
    found.refresh_from_db()
    return found
