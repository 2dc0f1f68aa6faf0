"""Pages of signed-in people stay out of caches."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import RequestFactory

from apps.core.middleware import private_pages


def test_pages_of_a_signed_in_person_are_not_stored() -> None:
    request = RequestFactory().get("/")
    request.user = get_user_model()(email="a@example.org")
    response = private_pages(lambda _: HttpResponse())(request)
    assert "no-store" in response["Cache-Control"]


def test_what_a_view_decided_stays() -> None:
    request = RequestFactory().get("/")
    request.user = get_user_model()(email="a@example.org")
    response = private_pages(lambda _: HttpResponse(headers={"Cache-Control": "private, max-age=60"}))(
        request
    )
    assert response["Cache-Control"] == "private, max-age=60"
