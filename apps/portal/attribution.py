"""Whose images the serving model was made of, as its files state it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Attribution:
    """One source of a model's training images."""

    name: str
    title: str
    images: int
    licences: tuple[str, ...]
    citations: tuple[str, ...]


def attributions_of(version: ModelVersion) -> list[Attribution]:
    """Return the sources that a version's lineage names, in order; a stranger's version may name none."""
    sources = version.lineage.get("sources")
    if not isinstance(sources, Mapping):
        return []
    return [
        _attribution(name, stated) for name, stated in sorted(sources.items()) if isinstance(stated, Mapping)
    ]


def _attribution(name: str, stated: Mapping[str, Any]) -> Attribution:
    images = stated.get("images")
    licences = _texts(stated.get("licences"))
    without = stated.get("without_licence")
    if licences and isinstance(without, int) and without:
        licences = (*licences, f"not stated for {without:,}")
    return Attribution(
        name=name,
        title=str(stated.get("title") or ""),
        images=images if isinstance(images, int) else 0,
        licences=licences,
        citations=_texts(stated.get("citations")),
    )


def _texts(values: object) -> tuple[str, ...]:
    return tuple(str(value) for value in values) if isinstance(values, list) else ()
