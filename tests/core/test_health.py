"""What an orchestrator and Prometheus are told, without signing in and under any host name."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.core import health
from apps.core.registries import Gauge, gauges


@pytest.fixture
def anonymous() -> Client:
    return Client(headers={"host": "10.0.0.7:8000"})


def test_healthz_asks_nobody(
    anonymous: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = anonymous.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


def test_readyz_says_why_not(anonymous: Client, db: None, settings: Settings, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.SPOOL_RESERVE_BYTES = 1 << 62
    response = anonymous.get("/readyz")
    assert response.status_code == 503
    assert "CXR_SPOOL_RESERVE_BYTES" in response.json()["failures"]["spool"]


def test_spool_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    assert "cannot be written" in (health.spool_check() or "")


def test_database_answers(db: None) -> None:
    assert health.database_check() is None


def test_metrics_hold_the_gauges(anonymous: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise RuntimeError("no figure")

    monkeypatch.setattr(gauges, "_entries", dict(gauges._entries))
    gauges.register(Gauge("cxr_trial", "A figure.", lambda: 4.0))
    gauges.register(Gauge("cxr_trials", "Figures.", lambda: {"a": 1.0, "b": 2.0}, label="kind"))
    gauges.register(Gauge("cxr_broken", "No figure.", broken))
    text = anonymous.get("/metrics").content.decode()
    assert "cxr_trial 4.0" in text
    assert 'cxr_trials{kind="b"} 2.0' in text
    assert "cxr_broken" not in text
    assert "process_resident_memory_bytes" in text


def test_metrics_are_for_this_machine_or_the_token(db: None, settings: Settings) -> None:
    settings.METRICS_TOKEN = "s3cret"
    far = Client(REMOTE_ADDR="192.0.2.9")
    assert far.get("/metrics").status_code == 403
    assert far.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 403
    assert far.get("/metrics", headers={"authorization": "Bearer s3cret"}).status_code == 200
    proxied = Client(headers={"x-forwarded-for": "192.0.2.9"})
    assert proxied.get("/metrics").status_code == 403


def test_latency_is_kept_by_route_and_every_answer_has_an_id(db: None, client: Client) -> None:
    response = client.get("/accounts/login/")
    assert len(response["X-Request-ID"]) == 12
    text = client.get("/metrics").content.decode()
    assert 'route="accounts/login/"' in text
