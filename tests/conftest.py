"""Fixtures that start real parts; each peer is started once per test process, and only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.orthanc import Orthanc, orthanc_server
from tests.peers.postgresql import postgresql_server
from tests.peers.program import RunningProgram
from tests.peers.rabbitmq import rabbitmq_server
from tests.peers.redis import redis_server
from tests.running_platform import Platform, running_platform


@pytest.fixture(scope="session")
def redis() -> Iterator[RunningProgram]:
    """A running Redis."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis: RunningProgram) -> str:
    """`CELERY_BROKER_URL` of a running Redis."""
    return f"redis://127.0.0.1:{redis.port}/0"


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RunningProgram]:
    """A running RabbitMQ."""
    with rabbitmq_server() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq: RunningProgram) -> str:
    """`CELERY_BROKER_URL` of a running RabbitMQ."""
    return f"amqp://guest:guest@127.0.0.1:{rabbitmq.port}//"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """`DATABASE_URL` of a running PostgreSQL with an empty database."""
    with postgresql_server() as server:
        yield f"postgres://cxr@127.0.0.1:{server.port}/cxr"


@pytest.fixture(scope="session")
def orthanc() -> Iterator[Orthanc]:
    """A running Orthanc."""
    with orthanc_server() as server:
        yield server


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform for tests that only add to it; any caller on this machine may store."""
    data_dir: Path = tmp_path_factory.mktemp("platform") / "data"
    with running_platform(data_dir, CXR_DICOM_OPEN="1", CXR_MFA_REQUIRED="0") as running:
        yield running
