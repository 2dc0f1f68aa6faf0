"""The card and the CLAIM checklist say what the folder's files say: all of it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.training.card import CARD_NAME, CLAIM_NAME, write_card
from tests.ml.training.recorded_version import (
    AUDIT_CHECKS,
    GENERALISATION,
    as_an_earlier_release,
    read_document,
    write_document,
    write_recorded_version,
)

SECTIONS = [
    "In short",
    "Three views of one question",
    "Intended use and users",
    "Out of scope",
    "Data",
    "Protocol",
    "Results on the test fold, same sources",
    "Fitness gate",
    "Calibration and prediction sets",
    "Explanation",
    "Audit",
    "Limits",
    "Ethics",
    "How it was made",
    "Licence",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a version with every record."""
    return write_recorded_version(tmp_path / "version")


def card_of(folder: Path) -> str:
    write_card(folder)
    return plain((folder / CARD_NAME).read_text())


def claim_of(folder: Path) -> str:
    write_card(folder)
    return plain((folder / CLAIM_NAME).read_text())


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_a_whole_record_leaves_nothing_unsaid(folder: Path) -> None:
    card = card_of(folder)
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    assert "not available" not in card.lower()
    assert "| source left out of training | north | 140 | 0.618 (0.523 to 0.713) | 0.412 | 0.547 |" in card
    assert "| within one source | south | 150 | 0.707 | – | 0.734 |" in card
    for check in AUDIT_CHECKS:
        assert f"| {check.code} {check.name} |" in section(card, "Audit")
        assert check.meaning in section(card, "Audit")
    assert "Audit A3 failed: It still answers without lungs." in section(card, "Limits")
    assert "| unfit, real | 63 | 98.4 % (91.5 to 99.7) |" in section(card, "Fitness gate")
    assert "| int8 (not served) | 0.21 | -0.667 | 1.3 % |" in section(card, "How it was made")
    assert "Kermany DS" in section(card, "Data")
    assert "`lung_opacity` gathers `lung_opacity`, `viral_pneumonia`" in card
    for subgroup in ("north", "female", "65 and over", "AP supine", "unknown"):
        assert f"\n| {subgroup} |" in section(card, "Results on the test fold, same sources")


def test_the_first_lines_tell_a_reader_what_matters(folder: Path) -> None:
    short = section(card_of(folder), "In short")
    evaluation = read_document(folder, "evaluation")
    assert "left out of training the AUROC of COVID-19 is 0.618 on average (north 0.618)" in short
    assert f"right for {100 * evaluation['accuracy']:.1f} %" in short
    assert "children of one hospital" in short
    assert "failed: A3" in short
    assert "It still answers without lungs." in short
    assert len(short.split()) < 300, "two minutes, no more"


def test_what_is_missing_is_named_with_the_reason(folder: Path) -> None:
    card = card_of(as_an_earlier_release(folder))
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    for title, reason in [
        ("In short", "no generalisation.json"),
        ("Three views of one question", "no generalisation.json"),
        ("Data", "counts the images of each side, but not whose they are"),
        ("Results on the test fold, same sources", "By sex: not available"),
        ("Fitness gate", "no fitness.json"),
        ("Audit", "no audit.json"),
        ("How it was made", "no export.json"),
    ]:
        assert re.search(f"not available.*{reason}|{reason}", section(card, title), re.IGNORECASE), title
    assert "Kermany DS" in section(card, "Data"), "what is known of a public source is said anyway"


@pytest.mark.parametrize("earlier", [False, True])
def test_every_item_of_the_checklist_is_answered(folder: Path, earlier: bool) -> None:
    claim = claim_of(as_an_earlier_release(folder) if earlier else folder)
    items = re.split(r"^### (\d+)\. (.+)$", claim, flags=re.MULTILINE)[1:]
    assert [int(number) for number in items[::3]] == list(range(1, 45))
    for number, question, answer in zip(items[::3], items[1::3], items[2::3], strict=True):
        answer = re.sub(r"^## .*$", "", answer, flags=re.MULTILINE).strip()
        assert question.endswith("?"), number
        assert len(answer.split()) >= 4, f"item {number} has no answer: {answer!r}"
        assert not re.search(r"\bNone\b|Undefined|{{|{%", answer), f"item {number}: {answer}"
        if re.match("not available", answer, re.IGNORECASE):
            assert re.match(r"Not available: \w+", answer), f"item {number} does not say why"


@pytest.mark.parametrize("earlier", [False, True])
def test_every_figure_is_one_of_the_files(folder: Path, earlier: bool) -> None:
    if earlier:
        as_an_earlier_release(folder)
    text = card_of(folder) + claim_of(folder)
    values = [value for path in sorted(folder.glob("*.json")) for value in numbers(path)]
    values.append(1 - read_document(folder, "lineage")["settings"]["miscoverage"])
    decimals = {f"{value:.3f}" for value in values}
    shares = {f"{100 * value:.1f}" for value in values}
    stated = set(re.findall(r"(?<![\d.:])\d+\.\d{3}(?![\d.])", text))
    assert len(stated) > 50
    assert stated <= decimals, stated - decimals
    ends = r"% \((\d+\.\d) to (\d+\.\d)\)"
    percents = set(re.findall(r"(\d+\.\d) %", text)).union(*re.findall(ends, text))
    assert len(percents) > 10
    assert percents <= shares, percents - shares


def numbers(path: Path) -> Iterator[float]:
    def walk(value: Any) -> Iterator[float]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for part in value:
                yield from walk(part)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)

    yield from walk(read_document(path.parent, path.stem))


@pytest.mark.parametrize(
    ("name", "keys", "value", "shown"),
    [
        ("evaluation", ("accuracy",), 0.2345, "0.234"),
        ("evaluation", ("per_class", "covid19", "sensitivity"), 0.1234, "0.123"),
        ("generalisation", ("leave_one_source_out", "north", "covid19_auroc"), 0.5555, "0.555"),
        ("lineage", ("lungs", "dice_mean"), 0.8765, "0.876"),
        ("lineage", ("settings", "seed"), 987654, "seed 987654"),
    ],
)
def test_a_changed_figure_changes_both(
    folder: Path, name: str, keys: tuple[str, ...], value: float, shown: str
) -> None:
    before = card_of(folder), claim_of(folder)
    document = read_document(folder, name)
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    write_document(folder, name, document)
    for earlier, now in zip(before, (card_of(folder), claim_of(folder)), strict=True):
        assert shown not in earlier
        assert shown in now


def test_figures_known_before_are_confessed(folder: Path) -> None:
    lineage = read_document(folder, "lineage")
    lineage["parent"] = {"name": "cxr", "sha256": "ab" * 32, "lineage": read_document(folder, "lineage")}
    write_document(folder, "lineage", lineage)
    assert "Its figures for an earlier stage were known" in section(card_of(folder), "Protocol")
    assert f"Went on from `cxr` {'ab' * 32}" in section(card_of(folder), "How it was made")


def test_an_ensemble_names_its_members_and_claims_no_training(folder: Path) -> None:
    lineage = read_document(folder, "lineage")
    members = [{"name": "cxr", "sha256": letter * 64} for letter in "ab"]
    write_document(folder, "lineage", {**lineage, "history": [], "members": members})
    claim = claim_of(folder)
    assert f"2 versions, by the mean of what they say: cxr {'a' * 64}, cxr {'b' * 64}." in claim
    assert "From the versions of item 27." in claim
    assert "Nothing was trained" in claim
    for text in (claim, card_of(folder)):
        assert "history.svg" not in text


def test_a_manifests_text_stays_in_its_cell(folder: Path) -> None:
    lineage = read_document(folder, "lineage")
    lineage["sources"]["a | b\n## Licence"] = {
        "images": 1,
        "licences": ["free | for\nall"],
        "citations": [],
        "title": "",
        "without_licence": 0,
    }
    write_document(folder, "lineage", lineage)
    card = card_of(folder)
    assert "| a / b ## Licence | 1 | free / for all | not stated |" in card
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS


def test_other_vocabularies_have_a_card_too(folder: Path) -> None:
    evaluation = read_document(folder, "evaluation")
    del evaluation["auroc"]["covid19"], evaluation["per_class"]["covid19"]
    write_document(folder, "evaluation", evaluation)
    write_document(folder, "generalisation", {**GENERALISATION, "mean_covid19_auroc": None})
    card = card_of(folder)
    assert "| same sources | all | 600 | – | – |" in card
    assert "AUROC of COVID-19 is" not in section(card, "In short")
