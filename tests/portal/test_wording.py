"""Words and figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.portal import wording
from apps.portal.model_card import blocks_of

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "< 1 %"),
        (0.0099, "< 1 %"),
        (0.01, "1 %"),
        (0.914, "91 %"),
        (0.99, "99 %"),
        (0.991, "> 99 %"),
        (None, "–"),
    ],
)
def test_no_probability_claims_certainty(value: float | None, written: str) -> None:
    assert wording.percent(value) == written


@pytest.mark.parametrize(
    ("ago", "written"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=9), "9 days ago"),
    ],
)
def test_age_in_one_unit(ago: timedelta, written: str) -> None:
    assert wording.age(NOW - ago, NOW) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Doe^Jane^Q", "Doe, Jane Q"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("", "No name"),
        ("^^^", "No name"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
    ],
)
def test_person_names(name: str, written: str) -> None:
    assert wording.person_name(name) == written


def test_age_of_a_person() -> None:
    assert wording.age_in_years(date(1960, 3, 5), date(2020, 3, 5)) == 60
    assert wording.age_in_years(date(1960, 3, 5), date(2020, 3, 4)) == 59
    assert wording.age_in_years(date(1700, 1, 1), date(2020, 1, 1)) is None
    assert wording.age_in_years(date(2021, 1, 1), date(2020, 1, 1)) is None
    assert wording.age_in_years(None) is None


def test_a_sites_own_labels_are_spelled_out() -> None:
    assert wording.finding_name("pleural_effusion") == "Pleural effusion"
    assert wording.either([]) == "No finding fits well enough"
    assert wording.either(["covid19", "normal", "pleural_effusion"]) == "COVID-19, normal or pleural effusion"
    assert wording.either(["normal", "covid19"]) == "Normal or COVID-19"
    assert wording.rejection_explained("something_new").reason == "The image was refused."


@pytest.mark.parametrize("card", ["", "|", "```", "- ", "#", "\x00", "| a |\n| - |", "  - x\n    y"])
def test_no_card_is_too_odd_to_read(card: str) -> None:
    blocks_of(card)


def test_loose_lists_stay_one_list() -> None:
    (block,) = blocks_of("- one\n\n- two\n  goes on")
    assert block.items == ["one", "two goes on"]


def test_a_class_says_what_it_stands_for_unless_its_name_does() -> None:
    classes = {"positive": ["covid19"], "negative": ["normal", "lung_opacity"], "normal": ["normal"]}
    assert wording.class_meaning("positive", classes) == "Positive stands for COVID-19."
    assert wording.class_meaning("negative", classes) == "Negative stands for normal or lung opacity."
    assert wording.class_meaning("normal", classes) == ""
    assert wording.class_meaning("tuberculosis", {}) == ""
