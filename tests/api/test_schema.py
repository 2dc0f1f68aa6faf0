"""The schema is complete, and whatever fits or breaks it, no address answers 5xx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, settings
from rest_framework.test import APIClient
from schemathesis.checks import not_a_server_error

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import api_key_create
from apps.api import urls
from apps.diagnosis.models import Diagnosis
from tests.api.conftest import ClientOf

SCOPES = ["studies:read", "studies:write", "reviews:write", "models:read"]


# drf-spectacular has no types of its own.
DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # no types there
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = get_wsgi_application()


@pytest.fixture
def key(diagnosis: Diagnosis, user_of: Callable[[Role], User]) -> str:
    """A key that may do everything that the schema describes, where there is something to find."""
    return api_key_create(user=user_of(Role.INTEGRATOR), scopes=SCOPES, by="test")[1]


# The test's WSGI transport does not close responses as PEP 3333 asks of servers, so files stay open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_ends_in_a_server_error(
    case: schemathesis.Case[Any], key: str, diagnosis: Diagnosis
) -> None:
    existing = {
        "study_instance_uid": diagnosis.instance.series.study.study_instance_uid,
        "sop_instance_uid": diagnosis.instance.sop_instance_uid,
        "diagnosis_id": diagnosis.pk,
        "name": "cxr",
        "number": 1,
        "snapshot_id": 1,
        "run_id": 1,
    }
    invented = dict(case.path_parameters)
    for parameters in (invented, {name: existing[name] for name in invented}):
        case.path_parameters = parameters
        response = case.call(headers={"Authorization": f"Api-Key {key}"})
        case.validate_response(response, checks=[not_a_server_error])


def test_the_schema_is_valid_and_names_every_address(session_of: ClientOf) -> None:
    validate_schema(DOCUMENT)  # type: ignore[no-untyped-call]  # as above
    assert len(DOCUMENT["paths"]) == len(urls.v1)
    response = session_of(Role.RADIOLOGIST).get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi")
    assert response.status_code == 200


def test_the_documentation_has_no_inline_script(session_of: ClientOf) -> None:
    page = session_of(Role.RADIOLOGIST).get("/api/docs/").content.decode()
    assert "<script>" not in page
    assert APIClient().get("/api/docs/").status_code == 401
