"""Counting refusals: Wilson's intervals, and who is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.datasets.manifest import ManifestRow
from ml.datasets.view_examples import GOOD, ViewExamples
from ml.evaluation.refusal import refusal_figures, share_refused, shares_by
from ml.inference.views import VIEWS, View


def row(**values: str) -> ManifestRow:
    return ManifestRow(Path("image.jpg"), values.pop("label", "normal"), "g", 0, "i", **values)


def examples(kinds: list[str]) -> ViewExamples:
    n = len(kinds)
    frontal, other = VIEWS.index(View.FRONTAL), VIEWS.index(View.OTHER)
    return ViewExamples(
        np.zeros((n, 64, 64), np.uint8),
        np.zeros(n, np.bool_),
        np.array([frontal if kind == GOOD else other for kind in kinds], np.intp),
        np.array(kinds),
        np.arange(n, dtype=np.intp),
    )


def test_intervals_are_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert share_refused(np.arange(263) < 81)["interval"] == pytest.approx([0.2553, 0.3662], abs=1e-4)
    assert share_refused(np.zeros(20, np.bool_))["interval"] == pytest.approx([0.0, 0.1611], abs=1e-4)


def test_nothing_has_no_share() -> None:
    assert share_refused(np.zeros(0, np.bool_)) == {"n": 0, "count": 0, "refused": None, "interval": None}


def test_shares_leave_out_unnamed_ones() -> None:
    shares = shares_by(np.array([True, False, True]), ["b", "a", ""])
    assert list(shares) == ["a", "b"]
    assert (shares["a"]["count"], shares["b"]["count"]) == (0, 1)


def test_figures_tell_the_sick_the_young_and_the_real_apart() -> None:
    rows = [
        row(label="normal", source="north", sex="F", age="4"),
        row(label="covid19", source="north", sex="M", age="061Y"),
        row(label="covid19", source="south", age=""),
    ]
    refused = np.array([False, True, False, True, False, True])
    kinds = [GOOD, GOOD, GOOD, "ood_ct", "ood_ct", "hand"]
    figures = refusal_figures(refused, examples(kinds), rows)
    assert figures["good"]["count"] == 1
    assert figures["good_by_label"]["covid19"]["refused"] == 0.5
    assert figures["good_by_source"]["south"]["count"] == 0
    assert figures["good_by_age"]["adults"] == share_refused(np.array([True]))
    assert figures["good_by_age"]["children"]["count"] == 0
    assert figures["unfit"]["count"] == 2
    assert figures["real_unfit"]["refused"] == 0.5
    assert figures["unfit_by_kind"]["hand"]["refused"] == 1.0
    assert figures["balanced_accuracy"] == {"unfit": 0.6667, "real_unfit": 0.5834}


def test_figures_without_unfit_images_have_no_balance() -> None:
    figures = refusal_figures(np.array([False]), examples([GOOD]), [row()])
    assert figures["balanced_accuracy"] == {"unfit": None, "real_unfit": None}
