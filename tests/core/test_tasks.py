"""The one task decorator and what its queues and brokers are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.core.tasks import task
from cxrplatform.celery import app
from cxrplatform.settings import broker


def test_every_task_has_one_of_our_queues_and_ignores_results() -> None:
    app.loader.import_default_modules()
    ours = {name: entry for name, entry in app.tasks.items() if not name.startswith("celery.")}
    assert ours
    for name, entry in ours.items():
        queue = app.amqp.router.route({}, name)["queue"].name
        assert queue in broker.QUEUES, name
        assert entry.ignore_result, name
        assert entry.max_retries == 0, name
        assert entry.acks_late is (queue != "training"), name


def test_limit_above_the_brokers_redelivery_is_refused() -> None:
    with pytest.raises(ValueError, match="CELERY_TASK_TIME_LIMIT"):
        task(name="trial.too_long", queue="inference", time_limit=10_000)


def test_beat_reads_the_registry_and_stale_ticks_expire() -> None:
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule["diagnosis sweep"]
    assert entry["task"] in app.tasks
    assert entry["options"]["expires"] == entry["schedule"] == 10.0


def test_messages_are_json_and_redelivery_waits_for_the_hard_limit() -> None:
    assert app.conf.accept_content == ["json"]
    options = broker.transport_options("redis://localhost/0", data_dir=Path("unused"), time_limit=300)
    assert options["visibility_timeout"] == pytest.approx(330)


def test_unknown_broker_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="expected redis"):
        broker.transport("sqs://queue")
