"""A1, A2, A6: a version that knows the source only is told from one that knows more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.audit.checks import NotAvailableError, Verdict
from ml.audit.sources import better_than_source, source_hidden, unseen_hospitals
from ml.datasets.manifest import ManifestRow
from tests.ml.audit.situations import LABELS, noise, row, subject


def confounded(per_source: int = 40) -> list[ManifestRow]:
    """Three quarters of each source's images carry one finding."""
    return [
        row(n, label, source=source)
        for source, common, rare in (("a", *LABELS), ("b", *reversed(LABELS)))
        for n, label in enumerate(
            [common] * (3 * per_source // 4) + [rare] * (per_source // 4), start=ord(source) * 1000
        )
    ]


def test_knowing_more_than_the_source_passes() -> None:
    check = better_than_source(subject(confounded()))
    assert check.verdict == Verdict.PASS
    assert check.figure == pytest.approx(0.25)
    assert check.details["source_only_balanced_accuracy"] == 0.75
    assert check.details["within_source"]["a"]["balanced_accuracy"] == 1.0


def test_knowing_only_the_source_fails() -> None:
    rows = confounded()
    check = better_than_source(subject(rows, predicted=[0 if one.source == "a" else 1 for one in rows]))
    assert check.figure == pytest.approx(0.0)
    assert check.verdict == Verdict.WARN
    worse = better_than_source(subject(rows, predicted=[0] * len(rows)))
    assert worse.verdict == Verdict.FAIL
    assert check.details["within_source"]["a"]["balanced_accuracy"] == 0.5


def test_the_rule_comes_from_the_development_folds_where_they_are_known() -> None:
    rows = confounded()
    turned = [
        row(n + 9000, LABELS[1 - LABELS.index(one.label)], source=one.source) for n, one in enumerate(rows)
    ]
    targets = np.array([LABELS.index(one.label) for one in turned], np.intp)
    check = better_than_source(subject(rows, development=turned, development_targets=targets))
    assert check.details["source_only_balanced_accuracy"] == 0.25
    assert check.details["fitted_on"] == "development folds"


def test_one_source_gives_nothing_away() -> None:
    with pytest.raises(NotAvailableError, match="one source"):
        better_than_source(subject([row(n, LABELS[n % 2], source="a") for n in range(10)]))


def test_features_that_name_the_source_fail() -> None:
    rows = confounded(120)
    features = noise(len(rows))
    assert source_hidden(subject(rows, embeddings=features)).verdict == Verdict.PASS
    features[:, 0] += np.array([6.0 if one.source == "a" else 0.0 for one in rows], np.float32)
    check = source_hidden(subject(rows, embeddings=features))
    assert check.verdict == Verdict.FAIL
    assert set(check.details["pairs"]) == {"normal: a / b", "covid19: a / b"}
    assert check.interval is not None
    assert check.figure is not None
    assert check.interval[0] <= check.figure <= check.interval[1]


def test_too_few_images_or_no_features_are_not_judged() -> None:
    rows = confounded(20)
    with pytest.raises(NotAvailableError, match="images from each of two sources"):
        source_hidden(subject(rows, embeddings=noise(len(rows))))
    with pytest.raises(NotAvailableError, match="does not show its features"):
        source_hidden(subject(rows))


def generalisation(away: float) -> dict[str, Any]:
    return {
        "leave_one_source_out": {"a": {"n": 50, "covid19_auroc": away}, "b": {"n": 9, "sensitivity": 0.7}},
        "within_source": {},
        "mean_covid19_auroc": away,
        "same_sources": {"covid19_auroc": 0.98},
    }


@pytest.mark.parametrize(
    ("away", "verdict"), [(0.95, Verdict.PASS), (0.85, Verdict.WARN), (0.67, Verdict.FAIL)]
)
def test_the_fall_in_unseen_hospitals_is_read(tmp_path: Path, away: float, verdict: Verdict) -> None:
    (tmp_path / "generalisation.json").write_text(json.dumps(generalisation(away)))
    check = unseen_hospitals(subject(confounded(), folder=tmp_path))
    assert check.verdict == verdict
    assert f"worst: a, {away:.2f}" in check.meaning


def test_unseen_hospitals_are_inherited_or_not_available(tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError, match="one source left out"):
        unseen_hospitals(subject(confounded(), folder=tmp_path))
    parent_folder = tmp_path / "parent"
    parent_folder.mkdir()
    (parent_folder / "generalisation.json").write_text(json.dumps(generalisation(0.67)))
    parent = {"checks": [unseen_hospitals(subject(confounded(), folder=parent_folder)).to_json()]}
    check = unseen_hospitals(subject(confounded(), folder=tmp_path, parent=parent))
    assert check.verdict == Verdict.INHERITED
    assert check.counts_as == Verdict.FAIL
