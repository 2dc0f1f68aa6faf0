"""Counting whose images a side holds."""

from __future__ import annotations

from pathlib import Path

from ml.datasets.manifest import ManifestRow
from ml.training.population import population


def row(number: int, **known: str) -> ManifestRow:
    values = {"label": "covid19", "group": "one", "source": "north", **known}
    return ManifestRow(path=Path(f"{number}.png"), fold=0, image_id=str(number), **values)


def test_images_are_counted_by_class_within_every_subgroup() -> None:
    rows = [
        row(0, sex="F", age="7", view="PA"),
        row(1, sex="M", age="055Y", view="AP supine", source="south"),
        row(2, group="two", label="normal"),
    ]
    counts = population(rows, ["positive", "positive", "negative"])
    assert counts["images"] == 3
    assert counts["groups"] == 2
    assert counts["by_class"] == {"negative": 1, "positive": 2}
    assert counts["by_source"] == {"north": {"negative": 1, "positive": 1}, "south": {"positive": 1}}
    assert counts["by_sex"] == {
        "female": {"positive": 1},
        "male": {"positive": 1},
        "unknown": {"negative": 1},
    }
    assert counts["by_age"]["under 18"] == {"positive": 1}
    assert counts["by_view"]["unknown"] == {"negative": 1}
    assert population([], []) == {
        "images": 0,
        "groups": 0,
        "by_class": {},
        "by_source": {},
        "by_sex": {},
        "by_age": {},
        "by_view": {},
    }
