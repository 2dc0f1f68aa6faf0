"""Where a person may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from apps.accounts.roles import Right


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the bar above the pages."""

    name: str
    address: str
    here: bool


def places_for(user: Any, path: str) -> list[Place]:
    """Return the entries that the user's rights open; none for a visitor."""
    if user is None or not user.is_authenticated:
        return []
    wanted: list[tuple[str, str, Right | None]] = [
        ("Worklist", "portal:worklist", Right.VIEW_STATUS),
        ("Worth a review", "portal:learning", Right.REVIEW),
        ("Upload", "portal:upload", Right.UPLOAD),
        ("Models", "portal:models", Right.VIEW_MODELS),
        ("Data sets", "portal:snapshots", Right.VIEW_DATASETS),
        ("Training", "portal:training", Right.VIEW_MODELS),
        ("Watching", "portal:watching", Right.VIEW_MODELS),
    ]
    places = [
        Place(name, address, path.startswith(address))
        for name, view, right in wanted
        if (right is None or user.has_perm(right)) and (address := reverse(view))
    ]
    if user.has_perm(Right.BREAK_GLASS):
        address = reverse("portal:break_glass")
        places.append(Place("Emergency access", address, path.startswith(address)))
    if user.is_staff:
        address = reverse("admin:index")
        places.append(Place("Administration", address, path.startswith(address)))
    return places
