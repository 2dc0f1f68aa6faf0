"""`import_studies` and `verify_storage` as an operator sees them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.studies.models import Instance
from apps.studies.objects import object_storage
from tests.studies.conftest import Ingest, files_under
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import radiograph, radiograph_file


def run(command: str, *arguments: object) -> tuple[int, str]:
    output = StringIO()
    try:
        call_command(command, *map(str, arguments), stdout=output)
    except SystemExit as ended:
        return int(str(ended.code)), output.getvalue()
    return 0, output.getvalue()


def test_import_takes_folders_and_files(db: None, data_dir: Path) -> None:
    folder = data_dir / "cd" / "IMAGES"
    folder.mkdir(parents=True)
    (folder / "one.dcm").write_bytes(radiograph_file())
    (folder / "two").write_bytes(radiograph_file())
    (folder / ".hidden").write_bytes(b"x")
    (folder.parent / "DICOMDIR").write_bytes(b"x")

    assert run("import_studies", folder.parent) == (
        0,
        "2 stored, 0 known, 0 conflict, 0 quarantined, 0 refused\n",
    )
    assert run("import_studies", folder / "one.dcm", folder / "two")[1].startswith("0 stored, 2 known")


def test_import_tells_what_was_set_aside(
    db: None, data_dir: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data_dir / "in"
    folder.mkdir()
    ds = radiograph()
    (folder / "a.dcm").write_bytes(part10(ds))
    ds.PatientComments = "changed"
    (folder / "b.dcm").write_bytes(part10(ds))
    (folder / "c.txt").write_bytes(b"no image")
    (folder / "d.dcm").write_bytes(radiograph_file(StrainDescription="x" * 200_000))
    settings.MAX_OBJECT_BYTES = 150_000

    assert run("import_studies", folder) == (1, "1 stored, 0 known, 1 conflict, 1 quarantined, 1 refused\n")
    assert "neither DICOM nor PNG nor JPEG" in capsys.readouterr().err.replace("\n", " ")


def test_import_stops_when_the_disk_is_full(db: None, data_dir: Path, settings: Settings) -> None:
    (data_dir / "a.dcm").write_bytes(radiograph_file())
    settings.SPOOL_RESERVE_BYTES = 1 << 60

    with pytest.raises(CommandError, match="nearly full"):
        run("import_studies", data_dir / "a.dcm")
    with pytest.raises(CommandError, match="There is no"):
        run("import_studies", data_dir / "missing")


def test_verify_storage_finds_one_flipped_byte_and_what_is_gone(ingest: Ingest, data_dir: Path) -> None:
    for _ in range(3):
        ingest(radiograph_file())
    status, output = run("verify_storage")
    assert (status, "objects: 3 looked at, 0 damaged" in output) == (0, True)
    sound, flipped, gone = (
        object_storage().path(instance.storage_key) for instance in Instance.objects.all()
    )
    data = bytearray(Path(flipped).read_bytes())
    data[5000] ^= 1
    Path(flipped).write_bytes(data)
    Path(gone).unlink()

    status, output = run("verify_storage")

    assert status == 1
    assert "objects: 3 looked at, 2 damaged" in output
    assert "has other bytes" in output
    assert "is gone" in output
    assert str(Path(sound).name) not in output
    assert len(files_under(data_dir / "objects")) == 2
