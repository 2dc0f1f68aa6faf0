"""Keyset pages in the contract's shape: `{"next", "previous", "results"}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from apps.core.keyset import KeysetPage

M = TypeVar("M", bound=Model)

PAGE_SIZE = 50


def page_response(request: Request, page: KeysetPage[M], represent: Callable[[M], Any]) -> Response:
    """Answer with one page, its neighbours as addresses that keep the query's filters."""
    url = remove_query_param(request.build_absolute_uri(), "cursor")

    def link(cursor: str | None) -> str | None:
        return replace_query_param(url, "cursor", cursor) if cursor else None

    return Response(
        {
            "next": link(page.next_cursor),
            "previous": link(page.previous_cursor),
            "results": [represent(item) for item in page.items],
        }
    )
