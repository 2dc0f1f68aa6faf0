"""A manifest that cannot be trained on says so before any time is spent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.datasets.manifest import ManifestError, check_groups_apart, read_manifest, select_classes
from ml.datasets.split import split_rows
from ml.training.config import DEFAULT_CLASSES
from tests.ml.conftest import ManifestMaker

BOTH = {"normal": ["normal"], "covid19": ["covid19"]}


def test_refusable_images_are_kept_apart(make_manifest: ManifestMaker) -> None:
    manifest = read_manifest(make_manifest([{"label": "normal"}, {"label": "ood_lateral"}]))
    assert [row.label for row in manifest.radiographs] == ["normal"]
    assert [row.label for row in manifest.out_of_distribution] == ["ood_lateral"]
    assert len(manifest.sha256["manifest.csv"]) == 64


def test_a_row_without_a_group_is_its_own_group(make_manifest: ManifestMaker) -> None:
    rows = read_manifest(make_manifest([{"label": "normal"}, {"label": "normal"}])).rows
    assert rows[0].group != rows[1].group


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.jpg\n", r"lacks the column\(s\) label"),
        ("file,label\n", "no rows"),
        ("file,label\n,normal\n", "line 2: the column `file` is empty"),
        ("file,label\na.jpg,cold\n", "line 2: unknown label 'cold'"),
        ("file,label,fold\na.jpg,normal,x\n", "fold 'x' is not a whole number"),
        ("file,label\na.jpg,normal\n", "1 of 1 files are missing"),
        ("file,label\na.jpg,COVID-19\n", "unknown label 'COVID-19'; did you mean 'covid19'"),
        ("file,label\na.jpg,viral_pnuemonia\n", "did you mean 'viral_pneumonia'"),
        ("file,label\na.jpg,ood_\n", "unknown label 'ood_'"),
        ("file;label\na.jpg;normal\n", "it has file;label. Separate columns by commas"),
        ("file,label,label\na.jpg,normal,normal\n", "column 'label' more than once"),
        ("file,label\na.jpg,normal,AP\n", "line 2: 3 values under 2 columns"),
        ('file,label\n"a.jpg,normal\n', "this is no CSV"),
        ("", "it has nothing"),
        ("PK\3\4\0\0\0", "no CSV but a binary file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_manifest(path)


def test_an_absent_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="Cannot read the manifest"):
        read_manifest(tmp_path / "none.csv")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_an_error(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("file,label\nMünchen.jpg,normal\n", encoding=encoding)
    with pytest.raises(ManifestError, match="not UTF-8 text"):
        read_manifest(path)


def test_what_is_known_of_a_source_is_read(make_manifest: ManifestMaker) -> None:
    (row,) = read_manifest(
        make_manifest([{"label": "normal", "licence": "CC0", "citation": "Drawn, 2026", "sha256": "ab"}])
    ).rows
    assert (row.licence, row.citation, row.sha256) == ("CC0", "Drawn, 2026", "ab")


@pytest.mark.parametrize("other", [{"label": "covid19", "group": "a"}, {"label": "normal", "group": "b"}])
def test_copies_that_contradict_each_other_are_an_error(
    make_manifest: ManifestMaker, other: dict[str, str]
) -> None:
    path = make_manifest([{"label": "normal", "group": "a", "sha256": "ab"}, {**other, "sha256": "ab"}])
    with pytest.raises(ManifestError, match="the same image"):
        read_manifest(path)


def test_a_file_listed_twice_is_an_error(make_manifest: ManifestMaker) -> None:
    path = make_manifest([{"label": "normal"}, {"label": "normal", "file": "image-0.jpg"}])
    with pytest.raises(ManifestError, match="listed more than once"):
        read_manifest(path)


def test_classes_gather_labels(make_manifest: ManifestMaker) -> None:
    labels = ("normal", "viral_pneumonia", "bacterial_pneumonia", "covid19")
    rows = read_manifest(make_manifest([{"label": label} for label in labels])).rows
    classes = {"normal": ["normal"], "pneumonia": ["viral_pneumonia", "bacterial_pneumonia"]}
    kept, targets = select_classes(rows, classes)
    assert [row.label for row in kept] == list(labels[:3])
    assert targets == (0, 1, 1)


def test_impossible_classes_are_refused(make_manifest: ManifestMaker) -> None:
    rows = read_manifest(make_manifest([{"label": "normal"}, {"label": "normal"}])).rows
    with pytest.raises(ManifestError, match=r"has no image in the manifest, which has 2 normal\."):
        select_classes(rows, DEFAULT_CLASSES)
    with pytest.raises(ManifestError, match="two classes"):
        select_classes(rows, {"a": ["normal"], "b": ["normal"]})
    with pytest.raises(ManifestError, match="at least two"):
        select_classes(rows, {"normal": ["normal"]})
    with pytest.raises(ManifestError, match="'covid'; did you mean 'covid19'"):
        select_classes(rows, {"positive": ["covid"], "negative": ["normal"]})


def test_a_group_on_both_sides_is_refused(make_manifest: ManifestMaker) -> None:
    rows = [{"label": label, "group": f"g{fold}{label}", "fold": fold} for fold in range(3) for label in BOTH]
    rows[0]["group"] = rows[-2]["group"]
    kept, targets = select_classes(read_manifest(make_manifest(rows)).rows, BOTH)
    with pytest.raises(ManifestError, match="is in both"):
        split_rows(kept, targets, folds=None, test_fold=0, calibration_fold=None, seed=0)


def test_the_manifests_own_folds_are_used(make_manifest: ManifestMaker) -> None:
    rows = [{"label": label, "fold": fold} for fold in range(4) for label in BOTH]
    kept, targets = select_classes(read_manifest(make_manifest(rows)).rows, BOTH)
    split = split_rows(kept, targets, folds=None, test_fold=3, calibration_fold=None, seed=0)
    assert {kept[i].fold for i in split.test} == {3}
    assert {kept[i].fold for i in split.calibration} == {0}
    assert {kept[i].fold for i in split.training} == {1, 2}
    with pytest.raises(ManifestError, match="no fold 9"):
        split_rows(kept, targets, folds=None, test_fold=9, calibration_fold=None, seed=0)
    with pytest.raises(ManifestError, match="cannot calibrate"):
        split_rows(kept, targets, folds=None, test_fold=0, calibration_fold=0, seed=0)


def test_new_folds_keep_groups_together(make_manifest: ManifestMaker) -> None:
    rows = [{"label": label, "group": f"{label}{i // 2}"} for i in range(24) for label in BOTH]
    kept, targets = select_classes(read_manifest(make_manifest(rows)).rows, BOTH)
    split = split_rows(kept, targets, folds=4, test_fold=0, calibration_fold=None, seed=1)
    sides = {name: [kept[i] for i in getattr(split, name)] for name in ("training", "calibration", "test")}
    check_groups_apart(**sides)
    assert sum(len(side) for side in sides.values()) == 48
    again = split_rows(kept, targets, folds=4, test_fold=0, calibration_fold=None, seed=1)
    np.testing.assert_array_equal(split.test, again.test)
