"""What would end a run badly is said before it begins, and a run that fails leaves nothing behind."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from ml.datasets.manifest import ManifestError
from ml.training.config import TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.disk import explains_full_disk
from ml.training.run import train
from tests.ml.conftest import ManifestMaker

pytestmark = pytest.mark.training

Row = dict[str, object]
Configured = Callable[..., TrainingConfig]
CLASSES = {"normal": ("normal",), "covid19": ("covid19",)}


def drawn_rows(*, folds: int = 3, each: int = 2) -> list[Row]:
    """Return rows of two classes in every fold, each image a patient of its own."""
    return [
        {"label": label, "fold": fold, "group": f"{label}-{fold}-{i}"}
        for fold in range(folds)
        for label in CLASSES
        for i in range(each)
    ]


@pytest.fixture
def configured(make_manifest: ManifestMaker, bundled_model: Path, tmp_path: Path) -> Configured:
    """Make the settings of a run over these rows."""

    def make(rows: Sequence[Row], **changes: object) -> TrainingConfig:
        config = TrainingConfig(
            manifests=(make_manifest(rows),),
            out_dir=tmp_path / "versions" / "new",
            lungs=bundled_model,
            input_size=64,
            classes=CLASSES,
            epochs=1,
            batch_size=4,
            precision="float32",
            quantise=False,
            cache_dir=tmp_path / "cache",
        )
        return replace(config, **changes)  # type: ignore[arg-type]  # varied by name

    return make


def refused(config: TrainingConfig, error: type[Exception], message: str) -> None:
    """Expect a run to end with this error, before any image is prepared and without leaving a folder."""
    steps: list[TrainingProgress] = []
    with pytest.raises(error, match=message):
        train(config, progress=steps.append)
    assert not {step.stage for step in steps} - {"checking images"}, "time was spent"
    assert not config.out_dir.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"file,label\nnone.jpg,normal\n", "1 of 1 files are missing"),
        (b"file,label\nimage-0.jpg,Covid-19\n", "unknown label 'Covid-19'; did you mean 'covid19'"),
        (b"file,finding\nimage-0.jpg,normal\n", r"lacks the column\(s\) label"),
        (b"file,label\nM\xfcnchen.jpg,normal\n", "not UTF-8"),
        (b"PK\x03\x04\x00\x00", "no CSV but a binary file"),
        (b"file,label\nimage-0.jpg,normal\nimage-0.jpg,normal\n", "listed more than once"),
    ],
    ids=["missing", "label", "column", "encoding", "binary", "twice"],
)
def test_a_manifest_that_cannot_be_trained_on(configured: Configured, text: bytes, message: str) -> None:
    config = configured(drawn_rows())
    config.manifests[0].write_bytes(text)
    refused(config, ManifestError, message)


def test_images_that_cannot_be_read_are_named(configured: Configured) -> None:
    config = configured(drawn_rows())
    folder = config.manifests[0].parent
    whole = (folder / "image-3.jpg").read_bytes()
    (folder / "image-3.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "image-7.jpg").write_text("a page of text")
    refused(config, ManifestError, r"2 of 12 images cannot be read.*image-3\.jpg.*image-7\.jpg")


def test_an_image_to_refuse_is_checked_as_well(configured: Configured) -> None:
    config = configured([*drawn_rows(), {"label": "ood_ct", "fold": 0, "group": "ct"}])
    (config.manifests[0].parent / "image-12.jpg").write_bytes(b"")
    refused(config, ManifestError, r"1 of 13 images cannot be read.*image-12\.jpg")


def test_a_patient_in_two_folds_is_refused(configured: Configured) -> None:
    rows = drawn_rows()
    rows[0]["group"] = rows[-1]["group"] = "one patient"
    refused(configured(rows), ManifestError, "'one patient' is in folds 0 and 2")


def test_two_folds_are_too_few(configured: Configured) -> None:
    refused(configured(drawn_rows(folds=2)), ManifestError, r"folds \[0, 1\]; 3 are needed")


def test_an_empty_fold_is_refused(configured: Configured) -> None:
    rows = [row for row in drawn_rows(folds=4) if row["fold"] != 1]
    refused(configured(rows, test_fold=1), ManifestError, r"no fold 1; the manifest has \[0, 2, 3\]")


@pytest.mark.parametrize(("fold", "side"), [(0, "test"), (1, "calibration"), (2, "training")])
def test_a_class_missing_on_a_side_is_named(configured: Configured, fold: int, side: str) -> None:
    rows = [row for row in drawn_rows() if (row["label"], row["fold"]) != ("covid19", fold)]
    refused(configured(rows), ManifestError, rf"'covid19' has no image for {side} \(fold {fold}\)")


def test_a_class_with_fewer_patients_than_folds_is_named(configured: Configured) -> None:
    rows = drawn_rows()
    for row in rows:
        if row["label"] == "covid19":
            row["group"] = f"covid19-{row['fold']}"
    refused(configured(rows, folds=4), ManifestError, "'covid19' has 3 groups .*; 4 folds need at least 4")


def test_one_class_only_is_refused(configured: Configured) -> None:
    rows = [row for row in drawn_rows() if row["label"] == "normal"]
    refused(configured(rows), ManifestError, "'covid19' .* has no image in the manifest, which has 6 normal")
    refused(configured(rows, classes={"normal": ["normal"]}), ManifestError, "at least two")


def test_a_folder_that_cannot_be_written_is_refused(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "versions").write_text("a file where a folder should be")
    refused(configured(drawn_rows()), TrainingConfigError, "versions cannot be written to")


def test_too_little_space_is_said_before_the_run(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=300 << 20))
    refused(configured(drawn_rows()), TrainingConfigError, "300 MiB free; this run needs about 512 MiB")


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_is_explained_and_nothing_is_kept(
    configured: Configured, tmp_path: Path
) -> None:
    config = configured(drawn_rows())
    full = pytest.raises(TrainingConfigError, match="The disk filled up during the run")
    with files_limited_to(32 << 10), full:
        train(config, progress=lambda _: None)
    assert [*(tmp_path / "versions").iterdir(), *(tmp_path / "cache").iterdir()] == []


def weights_write(folder: Path) -> None:
    """Write weights as training does."""
    network = keras.Sequential([keras.Input((256,)), keras.layers.Dense(256)])
    network.save_weights(folder / "model.weights.h5")


def graph_write(folder: Path) -> None:
    """Write a graph as the export does."""
    image = ops.parameter([1 << 16], np.float32, name="image")
    sum_of = ops.add(image, ops.constant(np.ones(1 << 16, np.float32)))
    model = openvino.Model([ops.result(sum_of)], [image], "sum")
    openvino.save_model(model, str(folder / "model.xml"), compress_to_fp16=False)


@pytest.mark.parametrize("write", [weights_write, graph_write])
def test_what_the_libraries_say_of_a_full_disk_is_understood(
    configured: Configured, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    @explains_full_disk
    def run(config: TrainingConfig) -> Path:
        write(tmp_path)
        return config.out_dir

    with files_limited_to(32 << 10), pytest.raises(TrainingConfigError, match="Nothing was kept"):
        run(configured([]))


def test_other_errors_stay_themselves(configured: Configured, tmp_path: Path) -> None:
    @explains_full_disk
    def run(config: TrainingConfig) -> Path:
        return (tmp_path / "none" / "here").rename(config.out_dir)

    with pytest.raises(FileNotFoundError):
        run(configured([]))
