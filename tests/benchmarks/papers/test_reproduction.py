"""A published protocol from a manifest to a result: folds as published or with patients apart."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.papers.__main__ import main
from benchmarks.papers.measuring import image_folds, shared_patients, write_manifest
from ml.datasets.manifest import ManifestRow, check_groups_apart, read_manifest
from tests.ml.conftest import chest

pytestmark = pytest.mark.training

LUNGS = Path(__file__).resolve().parents[3] / "ml" / "pretrained" / "cxr"
LABELS = ("normal", "covid19")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of each of twenty patients from the paper's source, and two that it does not use."""
    folder = tmp_path_factory.mktemp("radiographs")
    lines = ["file,label,source,group,fold"]
    for patient in range(20):
        for number in range(2):
            name = f"{patient}-{number}.png"
            draw(folder / name, seed=2 * patient + number)
            lines.append(f"{name},{LABELS[patient % 2]},ozturk,patient-{patient},{patient // 2 % 5}")
    for name, label, source in (("a.png", "normal", "kermany"), ("b.png", "lung_opacity", "ozturk")):
        draw(folder / name, seed=99)
        lines.append(f"{name},{label},{source},other-{name},0")
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines))
    return path


def draw(path: Path, *, seed: int) -> None:
    assert cv2.imwrite(str(path), (chest(height=96, width=96, seed=seed) * 255).astype(np.uint8))


def row(number: int, group: str) -> ManifestRow:
    return ManifestRow(Path(f"{number}.png"), LABELS[number % 2], group, None, str(number))


def test_folds_of_images_are_balanced_and_blind_to_patients() -> None:
    rows = [row(i, f"patient-{i // 10}") for i in range(50)]
    targets = [i % 2 for i in range(50)]
    folds = image_folds(targets, seed=1)
    assert np.bincount(folds).tolist() == [10] * 5
    assert [sum(t for t, f in zip(targets, folds, strict=True) if f == fold) for fold in range(5)] == [5] * 5
    assert shared_patients(rows, folds, [0, 1, 2, 3, 4]) == 1.0
    assert not np.array_equal(folds, image_folds(targets, seed=2))


def test_patients_that_are_apart_are_counted_as_such() -> None:
    rows = [row(i, group) for i, group in enumerate("aabbc")]
    folds = np.array([0, 1, 2, 2, 0])
    assert shared_patients(rows, folds, [0, 1, 2]) == 0.4
    assert shared_patients(rows, folds, [2]) == 0.0


@pytest.mark.parametrize("leaky", [False, True])
def test_the_protocols_own_manifest_keeps_patients_or_says_that_there_are_none(
    manifest: Path, tmp_path: Path, leaky: bool
) -> None:
    rows = read_manifest(manifest).rows
    folds = image_folds([LABELS.index(r.label) if r.label in LABELS else 0 for r in rows], seed=0)
    written = read_manifest(write_manifest(tmp_path / "own.csv", rows, folds, leaky=leaky)).rows
    assert [r.path for r in written] == [r.path.resolve() for r in rows]
    assert [r.fold for r in written] == folds.tolist()
    assert [int(r.image_id) for r in written] == list(range(len(rows)))
    if leaky:
        assert len({r.group for r in written}) == len(rows)
        check_groups_apart(**{str(f): [r for r in written if r.fold == f] for f in range(5)})
    else:
        assert [r.group for r in written] == [r.group for r in rows]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("leaky", [False, True])
def test_one_command_trains_measures_and_writes_the_result(
    manifest: Path, tmp_path: Path, leaky: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    command = [
        "ozturk2",
        str(manifest),
        "--fold",
        "1",
        "--epochs",
        "1",
        "--input-size",
        "32",
        "--mixing",
        "none",
    ]
    paths = ["--results", str(results), "--lungs", str(LUNGS)]
    assert main([*command, *(["--leaky"] if leaky else []), *paths]) == 0
    name = "ozturk2-leaky-fold1" if leaky else "ozturk2-fold1"
    assert sorted(path.name for path in results.iterdir()) == [f"{name}.json", f"{name}.md"]
    result = json.loads((results / f"{name}.json").read_text())
    assert result["n"] == 8, "a fifth of the paper's own forty images"
    assert result["folds"] == {"measured": [1], "of": 5}
    assert result["lineage"]["sides"]["all folds"] == {"images": 40, "groups": 20}
    assert (result["patients_on_both_sides"] > 0) is leaky
    if not leaky:
        assert result["groups"] == 4
    assert result["published"]["accuracy"] == 0.9808
    assert result["lineage"]["manifests"].keys() == {"manifest.csv"}
    assert "--fold 1 --epochs 1" in result["command"]
    assert str(tmp_path) not in json.dumps(result)
    page = (results / f"{name}.md").read_text()
    assert page == capsys.readouterr().out[:-1]
    assert ("LEAKY" in page) is leaky
    assert f"| accuracy, all images | {result['accuracy']:.3f} |" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kermany3", "--leaky"], "published with patients apart"),
        (["ozturk2", "--fold", "7"], "Asked for the folds [7]; there are [0, 1, 2, 3, 4]"),
        (["ozturk2", "--learning-rate", "0"], "learning_rate is 0"),
        (["kermany3"], "no image in the manifest"),
    ],
)
def test_what_cannot_be_reproduced_is_said(
    manifest: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main([arguments[0], str(manifest), *arguments[1:], "--results", str(tmp_path / "none")])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
