"""`build_manifest`: class folders, DICOM in them, and S3 become a manifest that `train_model` reads."""

from __future__ import annotations

import csv
import json
import urllib.request
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import boto3
import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from moto.server import ThreadedMotoServer

from apps.retraining.manifests import ManifestBuildError, ManifestRequest, manifest_build
from ml.datasets.manifest import read_manifest
from tests.ml.conftest import chest
from tests.studies.radiographs import radiograph_file

Show = Callable[..., str]


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Two class folders with four images each."""
    folder = tmp_path / "my hospital"
    for i, name in enumerate(["NORMAL", "COVID-19"]):
        (folder / name).mkdir(parents=True)
        for j in range(4):
            noise = np.random.default_rng(10 * i + j).uniform(0, 0.3, (96, 80))
            pixels = chest(height=96, width=80, seed=j) * 0.7 + noise
            assert cv2.imwrite(str(folder / name / f"{j}.png"), (pixels * 255).clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """Run the command on a wide terminal; return what it printed."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> str:
        out = StringIO()
        call_command("build_manifest", *map(str, arguments), stdout=out)
        return capsys.readouterr().out + out.getvalue()

    return call


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_manifest_and_a_report(run: Show, collection: Path, tmp_path: Path) -> None:
    (collection / "COVID-19" / "torn.png").write_bytes(b"\x89PNG")
    out = tmp_path / "new" / "manifest.csv"
    shown = run(
        collection, "--out", out, "--licence", "CC0", "--citation", "We, 2026", "--folds=2", "--report"
    )
    rows = rows_of(out)
    assert {row["label"] for row in rows} == {"normal", "covid19"}
    assert {(row["source"], row["licence"], row["citation"]) for row in rows} == {
        ("my-hospital", "CC0", "We, 2026")
    }
    assert {row["fold"] for row in rows} == {"0", "1"}
    assert len(read_manifest(out).rows) == 8
    report = json.loads((tmp_path / "new" / "manifest.report.json").read_text())
    assert report["images"] == {"found": 9, "listed": 8}
    assert "my-hospital" in shown
    assert "near-duplicates" in shown
    assert "cannot be read: ../my hospital/COVID-19/torn.png" in shown
    assert shown.endswith(f"8 images in 8 groups: {out}\n")


def test_dicom_is_decoded_as_in_serving_and_names_nobody(run: Show, collection: Path, tmp_path: Path) -> None:
    stated = {
        "PatientSex": "F",
        "PatientBirthDate": "19640228",
        "StudyDate": "20260102",
        "ViewPosition": "AP",
    }
    for i in range(2):
        data = radiograph_file(PatientID="SECRET-88213", PatientName="Doe^Jane", **stated)
        (collection / "NORMAL" / f"{i}.dcm").write_bytes(data)
    (collection / "NORMAL" / "broken.dcm").write_bytes(b"no DICOM at all")
    out = tmp_path / "manifest.csv"
    run(collection, "--out", out, "--folds=2", f"--report={tmp_path / 'report.json'}")
    rows = [row for row in rows_of(out) if "_dicom/" in row["file"]]
    assert {(row["sex"], row["age"], row["view"]) for row in rows} == {("F", "61", "AP")}
    assert len({row["group"] for row in rows}) == 1
    written = out.read_text() + (tmp_path / "report.json").read_text()
    assert "88213" not in written
    assert "Doe" not in written
    assert "broken.dcm" in written


def test_folders_that_nobody_understands_are_mapped(run: Show, collection: Path, tmp_path: Path) -> None:
    (collection / "NORMAL").rename(collection / "Without findings")
    out = tmp_path / "manifest.csv"
    with pytest.raises(CommandError, match=r"'Without findings' \(4 images\).*--label"):
        run(collection, "--out", out)
    assert not out.exists()
    run(collection, "--out", out, "--label", "Without findings=normal", "--source", "ours")
    assert {(row["label"], row["source"]) for row in rows_of(out)} == {
        ("normal", "ours"),
        ("covid19", "ours"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none is no folder"),
        (["{folder}", "--label", "COVID-19"], "expected FOLDER=label"),
        (["{folder}", "--label", "COVID-19=corona"], "unknown label 'corona'"),
        (["{folder}", "--source", "a", "b"], "2 source names for 1 places"),
        (["{folder}", "--folds", "1"], "expected at least 2"),
    ],
)
def test_what_cannot_be_built_is_said(
    run: Show, collection: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = [argument.format(folder=collection) for argument in arguments]
    with pytest.raises(CommandError, match=message):
        run(*given, "--out", tmp_path / "manifest.csv")


def test_a_place_that_cannot_be_written_is_said(run: Show, collection: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="file"):
        run(collection, "--out", tmp_path / "file" / "manifest.csv")


@pytest.fixture
def s3(collection: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The collection in a bucket of an S3-compatible server; gives its address without the prefix."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="research")
    for path in sorted(collection.rglob("*.png")):
        key = f"chests/{path.relative_to(collection).as_posix()}"
        client.put_object(Bucket="research", Key=key, Body=path.read_bytes())
    client.put_object(Bucket="research", Key="chests-of-others/NORMAL/x.png", Body=b"")
    client.put_object(Bucket="research", Key="escape/../../../outside.png", Body=b"x")
    yield f"s3://research/{{}}?endpoint_url={endpoint}&region_name=us-east-1"
    server.stop()


def test_an_s3_prefix_is_fetched_once_and_listed(s3: str, tmp_path: Path) -> None:
    request = ManifestRequest(places=(s3.format("chests"),), out=tmp_path / "m" / "manifest.csv", folds=2)
    stages: list[tuple[str, int, int]] = []

    def build() -> None:
        manifest_build(request, progress=lambda *step: stages.append(step))

    build()
    rows = rows_of(request.out)
    assert len(rows) == 8
    assert {row["source"] for row in rows} == {"chests"}
    fetched = [tmp_path / "m" / row["file"] for row in rows]
    assert all(path.is_relative_to(tmp_path / "m" / "manifest_s3") for path in fetched)
    assert ("fetching", 8, 8) in stages
    times = [path.stat().st_mtime_ns for path in fetched]
    build()
    assert [path.stat().st_mtime_ns for path in fetched] == times


@pytest.mark.parametrize(
    ("prefix", "message"), [("nothing", "holds no image among 0 objects"), ("escape", "outside")]
)
def test_an_s3_prefix_that_cannot_be_used_is_said(s3: str, tmp_path: Path, prefix: str, message: str) -> None:
    request = ManifestRequest(places=(s3.format(prefix),), out=tmp_path / "m" / "manifest.csv")
    with pytest.raises(ManifestBuildError, match=message):
        manifest_build(request, progress=lambda *_: None)
    assert not (tmp_path / "outside.png").exists()
