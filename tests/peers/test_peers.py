"""The peers themselves start and answer, so that a failure elsewhere is about us."""

from __future__ import annotations

import psycopg
import pytest
from kombu import Connection

from tests.peers.orthanc import Orthanc


@pytest.mark.peer("redis")
def test_redis_answers(redis_url: str) -> None:
    with Connection(redis_url) as connection:
        connection.ensure_connection(max_retries=1)


@pytest.mark.peer("rabbitmq")
def test_rabbitmq_answers(rabbitmq_url: str) -> None:
    with Connection(rabbitmq_url) as connection:
        connection.ensure_connection(max_retries=1)


@pytest.mark.peer("postgresql")
def test_postgresql_answers(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.peer("orthanc")
def test_orthanc_answers(orthanc: Orthanc) -> None:
    assert orthanc.request("GET", "/system")["DicomAet"] == orthanc.ae_title
