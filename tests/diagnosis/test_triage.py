"""How soon a reader should look."""

from __future__ import annotations

import pytest

from apps.diagnosis.models import Triage
from apps.diagnosis.triage import triage_from_name, triage_of

POINTS = {"covid19": 0.4, "bacterial_pneumonia": 0.5}


@pytest.mark.parametrize(
    ("label", "prediction_set", "probabilities", "expected"),
    [
        ("normal", ["normal"], {"normal": 0.9}, Triage.ROUTINE),
        ("covid19", ["covid19"], {"covid19": 0.4}, Triage.URGENT),
        ("covid19", ["covid19"], {"covid19": 0.39}, Triage.PRIORITY),
        ("bacterial_pneumonia", ["bacterial_pneumonia"], {"bacterial_pneumonia": 0.8}, Triage.URGENT),
        ("viral_pneumonia", ["viral_pneumonia"], {"viral_pneumonia": 0.99}, Triage.PRIORITY),
        ("lung_opacity", ["lung_opacity"], {"lung_opacity": 0.99}, Triage.PRIORITY),
        ("inconclusive", ["covid19", "viral_pneumonia"], {"covid19": 0.5}, Triage.URGENT),
        ("inconclusive", ["covid19", "normal"], {"covid19": 0.5}, Triage.PRIORITY),
        ("inconclusive", [], {"covid19": 0.5}, Triage.PRIORITY),
        ("tuberculosis", ["tuberculosis"], {"tuberculosis": 0.99}, Triage.PRIORITY),
    ],
)
def test_rule(
    label: str, prediction_set: list[str], probabilities: dict[str, float], expected: Triage
) -> None:
    rank = triage_of(
        label=label, prediction_set=prediction_set, probabilities=probabilities, operating_points=POINTS
    )

    assert rank == expected


def test_a_finding_without_an_operating_point_needs_one_half() -> None:
    for probability, expected in ((0.5, Triage.URGENT), (0.49, Triage.PRIORITY)):
        rank = triage_of(
            label="covid19",
            prediction_set=["covid19"],
            probabilities={"covid19": probability},
            operating_points={},
        )
        assert rank == expected


def test_names() -> None:
    assert triage_from_name("urgent") == Triage.URGENT
    with pytest.raises(ValueError, match="expected urgent, priority, routine, none"):
        triage_from_name("soon")


POSITIVE = {"positive": ["covid19"], "negative": ["normal", "viral_pneumonia", "lung_opacity"]}
MERGED = {"healthy": ["normal"], "treat": ["covid19", "bacterial_pneumonia"], "other": ["lung_opacity"]}


@pytest.mark.parametrize(
    ("classes", "label", "prediction_set", "expected"),
    [
        (POSITIVE, "positive", ["positive"], Triage.URGENT),
        (POSITIVE, "negative", ["negative"], Triage.PRIORITY),
        (POSITIVE, "inconclusive", ["positive", "negative"], Triage.PRIORITY),
        (MERGED, "healthy", ["healthy"], Triage.ROUTINE),
        (MERGED, "treat", ["treat"], Triage.URGENT),
        (MERGED, "inconclusive", ["treat", "other"], Triage.URGENT),
        (MERGED, "inconclusive", ["treat", "healthy"], Triage.PRIORITY),
        (MERGED, "other", ["other"], Triage.PRIORITY),
    ],
)
def test_classes_rank_by_what_they_gather(
    classes: dict[str, list[str]], label: str, prediction_set: list[str], expected: Triage
) -> None:
    rank = triage_of(
        label=label,
        prediction_set=prediction_set,
        probabilities=dict.fromkeys(classes, 0.6),
        operating_points=dict.fromkeys(classes, 0.5),
        classes=classes,
    )
    assert rank == expected
