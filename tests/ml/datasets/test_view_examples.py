"""What the fitness gate's network learns from, made of a manifest."""

from __future__ import annotations

import numpy as np

from ml.contracts import Finding
from ml.datasets.manifest import read_manifest
from ml.datasets.unfit import ALTERATIONS, DRAWINGS
from ml.datasets.view_examples import (
    VARIED,
    ViewExamples,
    altered_examples,
    drawn_examples,
    good_examples,
    phantom_examples,
    real_unfit_examples,
    varied_examples,
    varied_unfit_examples,
)
from ml.inference.views import VIEW_INPUT_SIZE, VIEWS, View
from tests.ml.conftest import ManifestMaker

FRONTAL = VIEWS.index(View.FRONTAL)


def check_shapes(examples: ViewExamples, count: int) -> None:
    assert examples.inputs.shape == (count, VIEW_INPUT_SIZE, VIEW_INPUT_SIZE)
    assert examples.inputs.dtype == np.uint8
    assert (
        len(examples.grey_refused)
        == len(examples.views)
        == len(examples.kinds)
        == len(examples.rows)
        == count
    )


def test_good_images_are_frontal_and_unfit_ones_have_their_views(make_manifest: ManifestMaker) -> None:
    labels = ["normal", "ood_ct", "ood_lateral", "ood_knee", "normal"]
    manifest = read_manifest(make_manifest([{"label": label} for label in labels]))
    good = good_examples(manifest.radiographs)
    check_shapes(good, 2)
    assert set(good.views) == {FRONTAL}
    assert good.rows.tolist() == [0, 1]
    unfit = real_unfit_examples(manifest.out_of_distribution)
    assert [VIEWS[view] for view in unfit.views] == [View.CROSS_SECTION, View.LATERAL, View.OTHER]
    assert unfit.kinds.tolist() == ["ood_ct", "ood_lateral", "ood_knee"]
    varied = varied_unfit_examples(manifest.out_of_distribution, 3, seed=0)
    check_shapes(varied, 9)
    assert varied.rows.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_variations_stay_good_and_alterations_take_turns(make_manifest: ManifestMaker) -> None:
    manifest = read_manifest(make_manifest([{"label": "normal"}] * (len(ALTERATIONS) + 1)))
    varied = varied_examples(manifest.radiographs, seed=1)
    check_shapes(varied, len(ALTERATIONS) + 1)
    assert set(varied.views) == {FRONTAL}
    assert set(varied.kinds) == {VARIED}
    altered = altered_examples(manifest.radiographs, seed=1)
    assert altered.kinds.tolist() == [*ALTERATIONS, next(iter(ALTERATIONS))]
    assert FRONTAL not in altered.views
    again = altered_examples(manifest.radiographs, seed=1)
    np.testing.assert_array_equal(again.inputs, altered.inputs)


def test_drawn_images_come_in_every_kind() -> None:
    drawn = drawn_examples(2, seed=0)
    check_shapes(drawn, 2 * len(DRAWINGS))
    assert set(drawn.kinds) == set(DRAWINGS)
    assert set(drawn.rows) == {-1}
    assert drawn.grey_refused.any(), "nothing at all is refused by its greys"


def test_phantoms_of_every_finding_are_good() -> None:
    phantoms = phantom_examples(1, seed=0)
    check_shapes(phantoms, len(Finding))
    assert set(phantoms.views) == {FRONTAL}


def test_lists_join_and_part() -> None:
    drawn = drawn_examples(1, seed=0)
    both = ViewExamples.concatenated([drawn, drawn])
    check_shapes(both, 2 * len(DRAWINGS))
    pages = both.subset(both.kinds == "page")
    check_shapes(pages, 2)
    check_shapes(good_examples([]), 0)
