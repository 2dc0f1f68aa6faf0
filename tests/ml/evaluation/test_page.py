"""The evaluation page stands alone, says everything, and escapes what others wrote."""

from __future__ import annotations

import functools
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ml.evaluation import plots
from ml.evaluation.generalisation import three_views
from ml.evaluation.metrics import evaluation_report
from ml.evaluation.page import evaluation_page, summary
from tests.ml.evaluation.simulated import calibrated_spec, drawn_rows, honest_answers

VOID = {"meta", "link", "br", "img", "input", "hr"}
DRAWINGS = {
    "three-views",
    "confusion",
    "roc",
    "precision-recall",
    "reliability",
    "class-reliability",
    "risk-coverage",
    "forest-source",
    "forest-sex",
    "forest-age",
    "forest-view",
}
LEFT_OUT = {
    "leave_one_source_out": {
        "north": {
            "n": 40,
            "covid19_auroc": 0.61,
            "interval": [0.5, 0.72],
            "sensitivity": 0.4,
            "accuracy": 0.5,
        }
    },
    "mean_covid19_auroc": 0.61,
    "within_source": {"south": {"n": 50, "covid19_auroc": None, "interval": None, "accuracy": 0.9}},
    "protocol": "Five epochs each.",
}


class Page(HTMLParser):
    """Reads a page, checks that elements close in order, and keeps what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@functools.cache
def report() -> dict[str, Any]:
    probabilities, targets = honest_answers(400, seed=21)
    rows = drawn_rows(targets, patients=150)
    return evaluation_report(probabilities, targets, spec=calibrated_spec(), rows=rows)


@functools.cache
def page() -> str:
    return evaluation_page(
        {
            **report(),
            "model": {"name": "cxr", "version": 3, "sha256": "ab" * 32},
            "manifest": {"name": "test & check.csv", "sha256": "cd" * 32, "fold": 0},
            "three_views": three_views(report(), LEFT_OUT),
        }
    )


def test_it_is_well_formed_and_needs_nothing_else() -> None:
    read = Page(page())
    assert read.open == []
    for tag, attributes in read.elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed"}
        assert not any(name.startswith("on") for name in attributes)
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "data", "action"}:
                assert (value or "").startswith("#"), f"<{tag} {name}={value}> refers to something outside"
    assert set(re.findall(r"https?://[^\"'\s<)]+", page())) == {"http://www.w3.org/2000/svg"}, (
        "a name, no address"
    )
    assert "@import" not in page()
    assert set(re.findall(r"url\((.)", page())) <= {"#"}


def test_every_drawing_is_there_and_says_what_it_shows() -> None:
    read = Page(page())
    drawings = [attributes for tag, attributes in read.elements if tag == "svg"]
    ids = [attributes["id"] for _, attributes in read.elements if attributes.get("id")]
    assert len(ids) == len(set(ids)), "every id once"
    assert {str(svg["aria-labelledby"]).split("-title")[0] for svg in drawings} == DRAWINGS
    for svg in drawings:
        assert svg["role"] == "img"
        assert set(str(svg["aria-labelledby"]).split()) <= set(ids)
    for reference in re.findall(r"(?:href=\"|url\()#([^\")]+)", page()):
        assert reference in ids


def test_it_says_what_it_is_and_what_was_measured() -> None:
    text = " ".join(Page(page()).text.split())
    assert "Evaluation of cxr:3" in text
    assert "Not a cleared medical device" in text
    assert "test & check.csv, fold 0" in text
    assert "expect the former in another hospital" in text
    assert "Five epochs each." in text
    assert "0.610 (0.500 to 0.720)" in text
    accuracy = f"{100 * report()['accuracy']:.1f} %"
    assert accuracy in text


def test_names_from_a_manifest_are_text_and_never_markup() -> None:
    assert "<b>east" not in page()
    assert "&lt;b&gt;east &amp; co&lt;/b&gt;" in page()
    assert "<b>east & co</b>" in Page(page()).text


def test_without_the_protocols_figures_it_says_why_they_are_missing() -> None:
    text = Page(evaluation_page(report())).text
    assert "never saw is not available: this version's folder holds no generalisation.json" in text
    assert "Each source left out of training" not in text


def test_the_same_report_gives_the_same_drawing() -> None:
    assert plots.roc_curves(report()) == plots.roc_curves(report())


def test_a_poor_report_is_a_page_too() -> None:
    """One patient, one finding, nothing known: dashes, and no drawing fails."""
    probabilities, targets = honest_answers(400, seed=22)
    own = targets == 0
    rows = [row for row, there in zip(drawn_rows(targets, patients=1), own, strict=True) if there]
    poor = evaluation_report(probabilities[own], targets[own], spec=calibrated_spec(), rows=rows)
    assert poor["auroc"]["covid19"] is None
    text = Page(evaluation_page(poor)).text
    assert "–" in text


@pytest.mark.parametrize(("mean", "expected"), [(0.61, "0.610 on average, against"), (None, "is not known")])
def test_the_summary_ends_with_the_unknown_hospital(mean: float | None, expected: str) -> None:
    views = three_views(report(), {**LEFT_OUT, "mean_covid19_auroc": mean})
    assert expected in summary({**report(), "three_views": views})[-1]
