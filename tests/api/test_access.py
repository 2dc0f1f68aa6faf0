"""Who may call what: 401 for strangers, 403 on a collection, 404 for an object."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey
from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis
from tests.api.conftest import ClientOf, png

COLLECTIONS = {
    "/api/v1/studies/": {Role.CLINICIAN, Role.RADIOLOGIST, Role.TECHNICIAN, Role.INTEGRATOR},
    "/api/v1/models/": {Role.RADIOLOGIST, Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.INTEGRATOR},
    "/api/v1/training-runs/": {Role.DATA_SCIENTIST},
}
"""Who may read each collection."""

IDENTIFIED = {Role.CLINICIAN, Role.RADIOLOGIST, Role.TECHNICIAN, Role.INTEGRATOR}


def object_addresses(diagnosis: Diagnosis) -> list[str]:
    """Return the addresses of one study, its image and its result."""
    uid = diagnosis.instance.sop_instance_uid
    return [
        reverse("api:study", args=[diagnosis.instance.series.study.study_instance_uid]),
        reverse("api:instance", args=[uid]),
        reverse("api:instance-file", args=[uid]),
        reverse("api:diagnosis", args=[diagnosis.pk]),
    ]


@pytest.mark.parametrize("role", Role)
def test_collections_answer_403_without_the_right(session_of: ClientOf, role: Role) -> None:
    client = session_of(role)
    for address, allowed in COLLECTIONS.items():
        assert client.get(address).status_code == (200 if role in allowed else 403), address


@pytest.mark.parametrize("role", Role)
def test_objects_answer_404_without_the_right(session_of: ClientOf, diagnosis: Diagnosis, role: Role) -> None:
    client = session_of(role)
    for address in object_addresses(diagnosis):
        with closing(client.get(address)) as response:
            assert response.status_code == (200 if role in IDENTIFIED else 404), address


def test_strangers_are_401_everywhere_even_where_nothing_is(db: None, diagnosis: Diagnosis) -> None:
    client = APIClient()
    addresses = [*COLLECTIONS, *object_addresses(diagnosis), "/api/v1/nothing/", "/api/schema/", "/api/docs/"]
    for address in addresses:
        response = client.get(address)
        assert response.status_code == 401, address
        assert "Api-Key" in response["WWW-Authenticate"]


def test_a_key_can_do_no_more_than_its_scopes(key_of: Callable[..., APIClient], diagnosis: Diagnosis) -> None:
    reader = key_of(Role.INTEGRATOR, "studies:read")
    assert reader.get("/api/v1/studies/").status_code == 200
    assert reader.get("/api/v1/models/").status_code == 403
    assert reader.post("/api/v1/studies/", {"files": png()}, format="multipart").status_code == 403
    review = reader.post(reverse("api:reviews", args=[diagnosis.pk]), {"verdict": "agree"}, format="json")
    assert review.status_code == 403


def test_a_key_can_do_no_more_than_its_owner_s_role(
    key_of: Callable[..., APIClient], diagnosis: Diagnosis
) -> None:
    client = key_of(Role.TECHNICIAN, "studies:read", "reviews:write")
    assert client.get(reverse("api:diagnosis", args=[diagnosis.pk])).json()["label"] is None
    review = client.post(reverse("api:reviews", args=[diagnosis.pk]), {"verdict": "agree"}, format="json")
    assert review.status_code == 403


def test_a_revoked_or_invented_key_is_401(key_of: Callable[..., APIClient]) -> None:
    client = key_of(Role.INTEGRATOR, "studies:read")
    ApiKey.objects.update(revoked=True)
    assert client.get("/api/v1/studies/").status_code == 401
    client.credentials(HTTP_AUTHORIZATION="Api-Key made.up")
    assert client.get("/api/v1/studies/").status_code == 401


def test_a_session_needs_the_csrf_token_to_write(session_of: ClientOf) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.cookies = session_of(Role.CLINICIAN).cookies
    response = client.post("/api/v1/studies/", {"files": png()}, format="multipart")
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]
