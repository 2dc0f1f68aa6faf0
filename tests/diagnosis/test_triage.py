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
