"""A version leaves and comes in as one file; what is broken, tampered with or malicious stays out."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from django.conf import settings
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import RIGHTS_OF_ROLE, Role
from apps.audit.models import AuditEvent
from apps.core.errors import NotPermittedError, PermanentError
from apps.registry import archive
from apps.registry.checks import champion_intact
from apps.registry.engine import folder_check
from apps.registry.gate import objections_to
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.registry.selectors import champion, version_folder
from apps.registry.services import version_export, version_import
from ml.model_folder import file_sha256

pytestmark = pytest.mark.django_db
Change = Callable[[Path], None]
SCIENTIST = Actor("scientist@example.org", Role.DATA_SCIENTIST, RIGHTS_OF_ROLE[Role.DATA_SCIENTIST], 2)


@pytest.fixture
def registered(settings: Settings, tmp_path: Path, db: None) -> ModelVersion:
    """The bundled model as champion, with an audit; nothing is checked."""
    settings.MODELS_DIR, settings.DATA_DIR = tmp_path / "models", tmp_path / "data"
    checked = folder_check(Path(settings.BUNDLED_MODEL_DIR))
    shutil.copytree(settings.BUNDLED_MODEL_DIR, tmp_path / "models" / checked.sha256)
    version = ModelVersion.objects.create(
        model=RegisteredModel.objects.create(name="cxr"),
        number=1,
        sha256=checked.sha256,
        folder=checked.sha256,
        architecture=checked.spec.architecture,
        labels=list(checked.spec.labels),
        preprocessing_version=checked.spec.preprocessing_version,
        operating_points=dict(checked.spec.operating_points),
        audit={"verdict": "pass", "summary": "All passed.", "checks": []},
        created_by="maker@example.org",
    )
    Alias.objects.create(model=version.model, name=Alias.Name.CHAMPION, version=version)
    return version


@pytest.fixture
def exported(registered: ModelVersion, tmp_path: Path) -> Path:
    """The champion as an archive."""
    path = tmp_path / "cxr-1.zip"
    with path.open("xb") as target:
        version_export(version=registered, target=target, actor=SCIENTIST)
    return path


@pytest.fixture
def another(tmp_path: Path) -> Callable[..., Path]:
    """Make an archive of a version that is nobody's yet: the bundled one, changed, its hashes made anew."""

    def make(change: Change = lambda folder: None) -> Path:
        folder = tmp_path / "another"
        shutil.copytree(settings.BUNDLED_MODEL_DIR, folder)
        (folder / "card.md").write_text("# Another\n")
        change(folder)
        spec = json.loads((folder / "model.json").read_text())
        files = sorted(path for path in folder.iterdir() if path.name != "model.json")
        spec["files"] = {path.name: file_sha256(path) for path in files}
        (folder / "model.json").write_text(json.dumps(spec))
        checked = folder_check(folder)
        path = tmp_path / "another.zip"
        with path.open("xb") as target:
            archive.archive_write(checked, archive.Origin("cxr", 7, checked.sha256, {}), target)
        return path

    return make


def rewritten(path: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipInfo, bytes], None]) -> Path:
    """Copy an archive member by member through `change`."""
    target = path.with_name("rewritten.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for member in source.infolist():
            change(copy, member, source.read(member))
    return target


def plus(path: Path, name: str, data: bytes = b"x", **attributes: Any) -> Path:
    """Add a member to an archive."""
    member = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    with zipfile.ZipFile(path, "a") as archive_file:
        archive_file.writestr(member, data)
    return path


def refused(path: Path, match: str) -> None:
    """Import must refuse; nothing is registered or left behind, and the champion keeps serving."""
    before = set(ModelVersion.objects.values_list("pk", flat=True))
    with pytest.raises(PermanentError, match=match):
        version_import(archive=path, actor=SCIENTIST)
    assert set(ModelVersion.objects.values_list("pk", flat=True)) == before
    assert AuditEvent.objects.filter(action="model_imported", outcome="failure").count() == 1
    assert not list((Path(settings.DATA_DIR) / "tmp").glob("import-*"))
    present = champion()
    assert present is not None
    assert [path.name for path in Path(settings.MODELS_DIR).iterdir()] == [present.sha256]
    assert champion_intact() is None


def test_the_same_version_gives_the_same_archive(registered: ModelVersion, exported: Path) -> None:
    again = io.BytesIO()
    version_export(version=registered, target=again, actor=SCIENTIST)

    assert again.getvalue() == exported.read_bytes()
    assert AuditEvent.objects.filter(action="model_exported", actor=SCIENTIST.name).count() == 2


def test_an_imported_version_is_its_importer_s_and_its_claims_convince_nobody(
    registered: ModelVersion, exported: Path
) -> None:
    ModelVersion.objects.filter(pk=registered.pk).update(sha256="0" * 64)  # as on another installation

    imported = version_import(archive=exported, actor=SCIENTIST)

    version = imported.version
    assert (str(version), imported.known, version.created_by) == ("cxr:2", False, SCIENTIST.name)
    assert folder_check(version_folder(version), expected_sha256=version.sha256).spec.name == "cxr"
    assert (version.audit, version.imported["model"]) == ({}, "cxr:1")
    assert version.imported["audit"]["verdict"] == "pass"
    assert "its archive does not count" in objections_to(version)[0]
    assert version_import(archive=exported, actor=SCIENTIST).known


def test_importing_needs_the_right_to_bring_models(exported: Path, administrator: Actor) -> None:
    with pytest.raises(NotPermittedError):
        version_import(archive=exported, actor=administrator)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../../outside.json", "would not lie in the version's folder"),
        ("/etc/passwd.json", "would not lie"),
        ("model/../outside.json", "would not lie"),
        ("model/below/inner.json", "would not lie"),
        ("model\\outside.json", "would not lie"),
        ("model/.hidden.json", "would not lie"),
        ("model/", "would not lie"),
        ("model/plugin.so", "is none of"),
        ("model/network.keras", "is none of"),
        ("model/weights.pkl", "is none of"),
        ("model/MODEL.JSON", "is none of"),
        ("model/Model.json", "two members"),
        ("model/extra.json", "does not list: extra.json"),
    ],
)
def test_members_that_a_version_does_not_have(exported: Path, name: str, match: str) -> None:
    refused(plus(exported, name, b"{}"), match)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_that_comes_twice(exported: Path) -> None:
    refused(plus(exported, "model/model.xml"), "two members")


def test_a_link(exported: Path) -> None:
    refused(
        plus(exported, "model/link.json", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16),
        "not a plain file",
    )


def test_a_rare_compression(exported: Path) -> None:
    refused(plus(exported, "model/rare.json", compress_type=zipfile.ZIP_BZIP2), "compressed in a rare way")


def test_more_members_than_any_version(exported: Path) -> None:
    with zipfile.ZipFile(exported, "a") as more:
        for number in range(archive.MAX_MEMBERS):
            more.writestr(f"model/n{number}.json", "{}")
    refused(exported, "more than 64 members")


def test_a_text_that_unpacks_to_gigabytes(exported: Path) -> None:
    bomb = b" " * (archive.MAX_TEXT_BYTES + 2)
    refused(
        plus(exported, "model/bomb.json", bomb, compress_type=zipfile.ZIP_DEFLATED), "unpacks to more than"
    )


def test_a_bomb_that_lies_about_its_size(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header says ten bytes; what counts is what comes out."""
    monkeypatch.setattr(archive, "MAX_EXPANSION", 1)
    monkeypatch.setattr(archive, "FREE_EXPANSION", 0)
    data = bytes(40 << 20)
    path = plus(exported, "model/bomb.bin", data, compress_type=zipfile.ZIP_DEFLATED)
    whole = bytearray(path.read_bytes())
    for place in (whole.rindex(b"model/bomb.bin") - 46 + 24, whole.index(b"model/bomb.bin") - 30 + 22):
        assert struct.unpack_from("<L", whole, place) == (len(data),)
        struct.pack_into("<L", whole, place, 10)
    path.write_bytes(whole)
    refused(path, "damaged|unpacks to more than")


def test_weights_of_zeros_are_bounded_by_the_archive_s_size(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_EXPANSION", 1)
    monkeypatch.setattr(archive, "FREE_EXPANSION", 0)
    path = plus(exported, "model/bomb.bin", bytes(40 << 20), compress_type=zipfile.ZIP_DEFLATED)
    refused(path, "unpacks to more than")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_flipped_byte(exported: Path, place: float) -> None:
    data = bytearray(exported.read_bytes())
    data[int(place * len(data))] ^= 1
    exported.write_bytes(data)
    refused(exported, "damaged|SHA-256|archive")


def test_one_flipped_byte_under_a_right_checksum_of_the_archive(exported: Path) -> None:
    """ZIP's own CRC was made anew; ours was not."""

    def flip(copy: zipfile.ZipFile, member: zipfile.ZipInfo, data: bytes) -> None:
        changed = bytes([data[0] ^ 1]) + data[1:] if member.filename == "model/lungs.bin" else data
        copy.writestr(member, changed)

    refused(rewritten(exported, flip), r"lungs\.bin has SHA-256")


def test_another_version_than_the_archive_says(exported: Path) -> None:
    def lie(copy: zipfile.ZipFile, member: zipfile.ZipInfo, data: bytes) -> None:
        if member.filename == archive.MANIFEST:
            data = json.dumps({**json.loads(data), "sha256": "0" * 64}).encode()
        copy.writestr(member, data)

    refused(rewritten(exported, lie), "but its files make")


@pytest.mark.parametrize(
    "data", [b"", b"PK\x05\x06", b"no archive at all, only text" * 9, b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_archive(registered: ModelVersion, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "none.zip"
    path.write_bytes(data)
    refused(path, "no archive|no archive.json")


@pytest.mark.parametrize("keep", [0.2, 0.99])
def test_a_cut_archive(exported: Path, keep: float) -> None:
    os.truncate(exported, int(keep * exported.stat().st_size))
    refused(exported, "no archive of a model version")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[" * 100_000, "no JSON"),
        ('{"accuracy": NaN}', "NaN"),
        ('{"card": "\\u0000"}', "NUL"),
        ("{", "no JSON"),
    ],
)
def test_documents_that_no_database_keeps(
    another: Callable[..., Path], registered: ModelVersion, text: str, match: str
) -> None:
    path = another(lambda folder: _write(folder / "evaluation.json", text))
    refused(path, match)


def spec_with(**values: object) -> Change:
    """Change fields of `model.json`."""

    def change(folder: Path) -> None:
        spec = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(spec | values))

    return change


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"architecture": "my_own_network"}, "not one of ours"),
        ({"architecture": {"class_name": "Lambda"}}, "not one of ours"),
        ({"labels": ["normal", "normal"]}, "different words"),
        ({"labels": ["<script>"]}, "different words"),
        ({"operating_points": {}}, "operating_points"),
        ({"conformal_quantiles": {"normal": "high"}}, "conformal_quantiles"),
        ({"classes": {"normal": "normal"}}, "classes"),
        ({"preprocessing_version": "x" * 21}, "preprocessing_version"),
    ],
)
def test_what_this_code_cannot_serve(
    another: Callable[..., Path], registered: ModelVersion, values: dict[str, Any], match: str
) -> None:
    refused(another(spec_with(**values)), match)


def test_right_hashes_with_the_wrong_class_order(
    another: Callable[..., Path], registered: ModelVersion
) -> None:
    labels = list(reversed(registered.labels))
    refused(another(spec_with(labels=labels)), "golden prediction")


def test_a_graph_that_calls_for_more_memory_than_there_is(
    another: Callable[..., Path], registered: ModelVersion
) -> None:
    """A shape bomb: an image of a million rows and columns."""

    def inflate(folder: Path) -> None:
        for name in ("model.xml", "model-int8.xml"):
            graph = (folder / name).read_text()
            assert 'shape="?,160,160,1"' in graph
            (folder / name).write_text(graph.replace('shape="?,160,160,1"', 'shape="?,1000000,1000000,1"'))
        spec_with(input_size=1_000_000)(folder)

    refused(another(inflate), "golden prediction")


def test_a_golden_input_that_is_a_bomb(another: Callable[..., Path], registered: ModelVersion) -> None:
    def inflate(folder: Path) -> None:
        header = io.BytesIO()
        shape = {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
        np.lib.format.write_array_header_1_0(header, shape)
        with zipfile.ZipFile(folder / "golden.npz", "w") as arrays:
            arrays.writestr("pixels.npy", header.getvalue())

    refused(another(inflate), "golden prediction")


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def lambda_layer(file: h5py.File) -> None:
    file.attrs["model_config"] = json.dumps({"class_name": "Lambda", "config": {"function": "…"}})


def external_link(file: h5py.File) -> None:
    file["outside"] = h5py.ExternalLink("/etc/passwd", "/")


def external_numbers(file: h5py.File) -> None:
    file.create_dataset("outside", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def endless_array(file: h5py.File) -> None:
    file.create_dataset("bomb", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


def group_in_itself(file: h5py.File) -> None:
    file["self"] = file["/"]


@pytest.mark.parametrize(
    ("plant", "match"),
    [
        (lambda_layer, "hold code"),
        (external_link, "is a link"),
        (external_numbers, "in another file"),
        (endless_array, "arrays declare more than"),
        (group_in_itself, "under another name too"),
    ],
)
def test_weights_that_are_more_than_weights(
    another: Callable[..., Path], registered: ModelVersion, plant: Callable[[h5py.File], None], match: str
) -> None:
    def change(folder: Path) -> None:
        with h5py.File(folder / "model.weights.h5", "a") as file:
            plant(file)

    refused(another(change), match)


def test_a_damaged_version_is_not_exported(registered: ModelVersion) -> None:
    (version_folder(registered) / "card.md").write_text("better")
    with pytest.raises(PermanentError, match=r"card\.md has SHA-256"):
        version_export(version=registered, target=io.BytesIO(), actor=SCIENTIST)
