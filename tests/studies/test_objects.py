"""Objects in a folder that survives a power cut, and in S3."""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, storages
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from apps.studies.models import Instance
from apps.studies.objects import (
    object_as_path,
    object_delete,
    object_key,
    object_open,
    object_put,
    object_sha256,
)
from apps.studies.services.errors import StorageUnavailableError
from apps.studies.services.sweeping import spool_sweep
from cxrplatform.settings.storage import objects_storage
from tests.peers.program import free_port
from tests.studies.conftest import Ingest, files_under
from tests.studies.radiographs import radiograph_file

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")


@pytest.fixture
def s3(data_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3-compatible server with a bucket that is our object storage."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=10).close()  # servers of one process share what they hold
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="cxr")
    url = f"s3://cxr/objects?endpoint_url={endpoint}&region_name=us-east-1"
    settings.STORAGES = {**settings.STORAGES, "default": objects_storage(url, data_dir=data_dir)}
    yield endpoint
    server.stop()


def test_a_folder_keeps_objects_under_names_of_ours(data_dir: Path) -> None:
    key = object_put(b"some bytes", suffix=".png")

    assert KEY.fullmatch(key.removesuffix(".png"))
    assert (data_dir / "objects" / key).read_bytes() == b"some bytes"
    assert [path.suffix for path in files_under(data_dir)] == [".png"]
    with object_open(key) as file:
        assert file.read() == b"some bytes"
    with object_as_path(key) as path:
        assert path == data_dir / "objects" / key
    object_delete(key)
    object_delete(key)
    with pytest.raises(FileNotFoundError):
        object_open(key)


def test_a_file_is_linked_and_linking_it_again_is_harmless(data_dir: Path) -> None:
    source, key = data_dir / "source", object_key()
    source.write_bytes(b"spooled")

    assert object_put(source, key=key) == object_put(source, key=key) == key

    assert (data_dir / "objects" / key).samefile(source)


def test_another_file_never_replaces_an_object(data_dir: Path) -> None:
    first, second, key = data_dir / "first", data_dir / "second", object_key()
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    object_put(first, key=key)

    with pytest.raises(FileExistsError):
        object_put(second, key=key)

    with object_open(key) as file:
        assert file.read() == b"1"


def test_every_byte_and_name_is_synced(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)

    folder = (data_dir / "objects" / object_put(b"x")).parent

    assert synced[-1] == str(folder)
    assert {str(folder.parent), str(folder.parent.parent), str(data_dir)} <= set(synced)
    assert any(Path(path.removesuffix(" (deleted)")).suffix == ".part" for path in synced)


def test_objects_go_to_s3_before_success(s3: str, ingest: Ingest, data_dir: Path) -> None:
    data = radiograph_file()

    assert [ingest(data).outcome, ingest(data).outcome] == ["stored", "known"]

    instance = Instance.objects.get()
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    listing = client.list_objects_v2(Bucket="cxr")["Contents"]
    assert [entry["Key"] for entry in listing] == [f"objects/{instance.storage_key}"]
    assert object_sha256(instance.storage_key) == instance.file_sha256
    with object_as_path(instance.storage_key) as path:
        assert path.read_bytes() == data
    assert files_under(data_dir) == []


def test_an_object_waits_in_the_spool_while_s3_is_away(
    s3: str, ingest: Ingest, data_dir: Path, settings: Settings
) -> None:
    there = settings.STORAGES
    away = f"s3://cxr/objects?endpoint_url=http://127.0.0.1:{free_port()}&region_name=us-east-1"
    settings.STORAGES = {**there, "default": objects_storage(away, data_dir=data_dir)}
    with pytest.raises(StorageUnavailableError):
        ingest(radiograph_file())
    for path in files_under(data_dir / "spool"):
        os.utime(path, (0, 0))

    settings.STORAGES = there
    assert spool_sweep() == 1

    assert object_sha256(Instance.objects.get().storage_key) == Instance.objects.get().file_sha256
    assert files_under(data_dir) == []


def test_missing_and_deleted_objects_in_s3(s3: str) -> None:
    key = object_put(b"x")
    object_delete(key)

    with pytest.raises(FileNotFoundError):
        object_open(key)


@pytest.mark.parametrize(
    ("url", "backend", "container"),
    [
        ("azure://radiographs/cxr", "storages.backends.azure_storage.AzureStorage", "azure_container"),
        ("gs://radiographs/cxr", "storages.backends.gcloud.GoogleCloudStorage", "bucket_name"),
        ("s3://radiographs/cxr", "storages.backends.s3.S3Storage", "bucket_name"),
    ],
)
def test_clouds_are_named_by_address(url: str, backend: str, container: str, settings: Settings) -> None:
    entry = objects_storage(url, data_dir=Path("unused"))

    assert entry["BACKEND"] == backend
    assert entry["OPTIONS"][container] == "radiographs"
    assert entry["OPTIONS"]["location"] == "cxr"
    settings.STORAGES = {**settings.STORAGES, "default": entry}
    try:
        storages["default"]
    except InvalidStorageError as error:
        pytest.fail(f"django-storages does not know an option: {error}")


@pytest.mark.parametrize("url", ["ftp://x/y", "s3:///prefix"])
def test_other_addresses_stop_the_start(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="CXR_STORAGE_URL"):
        objects_storage(url, data_dir=Path("unused"))
