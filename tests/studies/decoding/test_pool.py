"""The pool: what a hostile object may cost, and that the next good one is served."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from apps.core.errors import RetriableError
from apps.studies.decoding import pixels
from apps.studies.decoding.confinement import Limits, process_is_filtered
from apps.studies.decoding.pool import DecodePool, DecodePoolError
from ml.contracts import RejectedInputError, RejectionCode
from tests.studies.decoding.objects import dataset, part10, picture


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(workers=1, limits=Limits(cpu_seconds=2, wall_seconds=6))
    yield pool
    pool.close()


@pytest.fixture
def good() -> bytes:
    return part10(dataset(picture()))


# What stands in for a decoder that misbehaves: run through the pool's own door.
def crash() -> None:
    os.abort()


def crash_in_machine_code() -> None:
    import ctypes

    ctypes.string_at(0)


def spin() -> None:
    while True:
        pass


def stand_still() -> None:
    threading.Event().wait(60)


def grow() -> int:
    return len(bytearray(8 * 1024**3))


def attempt(action: Callable[[], object]) -> str:
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "allowed"


def open_socket() -> str:
    return attempt(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1))


def open_socket_past_python() -> int:
    import ctypes

    return int(ctypes.CDLL(None, use_errno=True).socket(2, 1, 0))


def write_file(path: str) -> str:
    def write() -> None:
        with open(path, "wb") as file:
            file.write(b"x" * 100)

    return attempt(write)


def run_program() -> str:
    return attempt(lambda: subprocess.run(["true"], check=True))


def process_id() -> int:
    return os.getpid()


def loaded_frameworks() -> list[str]:
    return [name for name in ("django", "celery", "openvino", "cv2") if name in sys.modules]


def test_decoding_in_the_pool_gives_the_same_image(pool: DecodePool, good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "good.dcm"
    path.write_bytes(good)
    reference = pixels.decode(good)
    for source in (good, path):
        decoded = pool.decode(source)
        np.testing.assert_array_equal(decoded.pixels, reference.pixels)
        assert decoded.facts == reference.facts
    assert pool.render(path) == pixels.render(good)
    assert pool.pixel_digest(path) == pixels.pixel_digest(good)


def test_typed_rejections_come_through(pool: DecodePool) -> None:
    ds = dataset(picture())
    ds.Modality, ds.ViewPosition = "MG", "LL"
    with pytest.raises(RejectedInputError) as caught:
        pool.decode(part10(ds))
    assert [r.code for r in caught.value.rejections] == [
        RejectionCode.NOT_RADIOGRAPH,
        RejectionCode.NOT_FRONTAL,
    ]


@pytest.mark.parametrize("misbehave", [crash, crash_in_machine_code, spin, stand_still, grow])
def test_a_decoder_that_misbehaves_costs_one_object(
    pool: DecodePool, good: bytes, misbehave: Callable[[], object]
) -> None:
    with pytest.raises(RejectedInputError) as caught:
        pool._run(misbehave)

    assert caught.value.rejections[0].code == RejectionCode.UNREADABLE
    assert pool.decode(good).pixels.shape == (300, 260)


def test_a_process_may_not_reach_out(pool: DecodePool, tmp_path: Path) -> None:
    target = tmp_path / "written"
    assert pool._run(open_socket) == "PermissionError"
    assert pool._run(partial(write_file, str(target))) != "allowed"
    assert not target.exists() or target.stat().st_size == 0
    assert pool._run(run_program) == "PermissionError"


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_the_kernel_enforces_it_too(pool: DecodePool) -> None:
    assert pool._run(process_is_filtered)
    assert pool._run(open_socket_past_python) == -1


def test_a_process_loads_no_framework(pool: DecodePool) -> None:
    assert pool._run(loaded_frameworks) == []


def test_a_process_is_replaced_after_its_share_of_objects() -> None:
    pool = DecodePool(workers=1, objects_per_process=2)
    try:
        processes = [pool._run(process_id) for _ in range(5)]
    finally:
        pool.close()
    assert len(set(processes)) == 3


def test_a_process_killed_from_outside_is_a_reason_to_retry(pool: DecodePool, good: bytes) -> None:
    victim = pool._run(process_id)
    errors: list[BaseException] = []

    def decode_slowly() -> None:
        try:
            pool._run(stand_still)
        except (RejectedInputError, RetriableError) as error:
            errors.append(error)

    thread = threading.Thread(target=decode_slowly)
    thread.start()
    deadline = time.monotonic() + 5
    while not _is_running_a_task(pool) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    os.kill(victim, 9)
    thread.join(timeout=10)

    assert [type(error) for error in errors] == [DecodePoolError]
    assert pool.decode(good).pixels.shape == (300, 260)


def _is_running_a_task(pool: DecodePool) -> bool:
    assert pool._pool is not None
    tasks = list(pool._pool._pool_manager.task_manager.tasks.values())
    return any(task.started for task in tasks)


def test_a_closed_pool_says_so(good: bytes) -> None:
    pool = DecodePool(workers=1)
    pool.close()
    with pytest.raises(DecodePoolError):
        pool.decode(good)
