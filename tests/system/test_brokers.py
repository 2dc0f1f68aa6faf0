"""Each real broker carries a diagnosis; a broker that is away or forgets loses nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.peers.program import RunningProgram
from tests.running_platform import Platform, running_platform
from tests.system.phantoms import phantom_file
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("brokers"), pytest.mark.timeout(400)]


def assert_diagnosed_once(platform: Platform, folder: Path) -> None:
    path, uid = phantom_file(folder)
    assert platform.store(path) == [0]
    wait_for(lambda: platform.outcome(uid), deadline=60, what="a result")
    assert platform.rows("SELECT attempts FROM diagnosis_diagnosis") == [(1,)]


@pytest.mark.peer("rabbitmq")
def test_rabbitmq_carries_a_diagnosis(rabbitmq_url: str, tmp_path: Path) -> None:
    with running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", CELERY_BROKER_URL=rabbitmq_url) as platform:
        assert_diagnosed_once(platform, tmp_path)
        assert not (platform.data_dir / "broker").exists()


@pytest.mark.peer("redis")
def test_redis_carries_a_diagnosis_and_may_go_away(
    redis: RunningProgram, redis_url: str, tmp_path: Path
) -> None:
    with running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", CELERY_BROKER_URL=redis_url) as platform:
        assert_diagnosed_once(platform, tmp_path)

        redis.kill()
        path, uid = phantom_file(tmp_path)
        begun = time.monotonic()
        assert platform.store(path) == [0]
        assert time.monotonic() - begun < 10, "A broker that is away must not hold the sender up."
        assert platform.outcome(uid) == ""
        redis.start()
        wait_for(lambda: platform.outcome(uid), deadline=60, what="a result after the broker's return")


@pytest.mark.peer("redis")
def test_killed_worker_and_flushed_broker_lose_nothing(
    redis: RunningProgram, redis_url: str, tmp_path: Path
) -> None:
    with running_platform(tmp_path / "data", CXR_DICOM_OPEN="1", CELERY_BROKER_URL=redis_url) as platform:
        files = [phantom_file(tmp_path) for _ in range(8)]
        assert set(platform.store(*(path for path, _ in files))) == {0}
        os.kill(platform.child("worker"), signal.SIGKILL)
        redis.kill()  # it keeps nothing on disk
        redis.start()
        for _, uid in files:
            wait_for(lambda uid=uid: platform.outcome(uid), deadline=90, what="a result")  # type: ignore[misc]  # bound by its default
        assert platform.rows("SELECT COUNT(*) FROM diagnosis_diagnosis") == [(len(files),)]
