"""Fixtures that start real parts; each peer is started once per test process, and only when asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from apps.core import transactions
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
def postgresql() -> Iterator[RunningProgram]:
    """A running PostgreSQL."""
    with postgresql_server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: RunningProgram) -> Iterator[str]:
    """`DATABASE_URL` of an empty database of this test's own."""
    name = f"cxr_{uuid.uuid4().hex}"
    address = f"postgres://cxr@127.0.0.1:{postgresql.port}"
    with psycopg.connect(f"{address}/cxr", autocommit=True) as session:
        session.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield f"{address}/{name}"
        session.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(autouse=True)
def broker_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that a test before this one had a broker that did not answer."""
    monkeypatch.setattr(transactions, "_paused_until", 0.0)


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
