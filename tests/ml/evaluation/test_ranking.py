"""The areas agree with scikit-learn, on the images and with a resample's counts as weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from ml.evaluation import resampling
from ml.evaluation.ranking import CURVE_POINTS, precision_recall_points, ranking, roc_points
from ml.evaluation.resampling import PatientResamples


@pytest.mark.parametrize("decimals", [1, 8], ids=["many ties", "no ties"])
@pytest.mark.parametrize("block", [100, 1_000_000])
def test_every_resample_agrees_with_scikit_learn(
    decimals: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "BLOCK_CELLS", block)
    random = np.random.default_rng(3)
    truth = random.random(80) < 0.3
    scores = np.round(random.normal(truth * 1.0, 1.0), decimals)
    resamples = PatientResamples([str(i // 2) for i in range(80)], resamples=20)
    measured = ranking(resamples, truth, scores)
    for sample, weights in enumerate(np.concatenate(list(resamples.weights()))):
        assert measured.auroc.samples[sample] == pytest.approx(
            roc_auc_score(truth, scores, sample_weight=weights), abs=1e-6
        )
        assert measured.average_precision.samples[sample] == pytest.approx(
            average_precision_score(truth, scores, sample_weight=weights), abs=1e-6
        )


def test_one_side_alone_cannot_be_ranked() -> None:
    resamples = PatientResamples(["a", "b", "c"])
    scores = np.array([0.2, 0.5, 0.9])
    for truth in (np.zeros(3, np.bool_), np.ones(3, np.bool_)):
        assert [figure.value for figure in ranking(resamples, truth, scores)] == [None, None]
        assert roc_points(truth, scores) is None
        assert precision_recall_points(truth, scores) is None


def test_thinned_curves_keep_their_ends_and_their_area() -> None:
    random = np.random.default_rng(5)
    truth = random.random(3000) < 0.4
    scores = random.normal(truth * 1.5, 1.0)
    roc = roc_points(truth, scores)
    assert roc is not None
    assert len(roc["sensitivity"]) <= CURVE_POINTS
    assert (roc["false_positive_rate"][0], roc["sensitivity"][0]) == (0.0, 0.0)
    assert (roc["false_positive_rate"][-1], roc["sensitivity"][-1]) == (1.0, 1.0)
    area = auc(roc["false_positive_rate"], roc["sensitivity"])
    assert area == pytest.approx(roc_auc_score(truth, scores), abs=0.005)
    recall = precision_recall_points(truth, scores)
    assert recall is not None
    assert (recall["recall"][0], recall["recall"][-1]) == (0.0, 1.0)
