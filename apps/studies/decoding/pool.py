"""Decoding in disposable, confined processes, so that a hostile object costs one process at most.

The processes are forked from a server that has imported NumPy, Pillow and pydicom and nothing else
(no Django, no OpenVINO), so that they start in milliseconds and share its memory. Create the pool
before OpenVINO is loaded: the server is started from this process's command line, not by forking
it, but the fewer threads there are at that moment, the better.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from apps.core.errors import RetriableError
from apps.studies.decoding import pixels
from apps.studies.decoding.confinement import Limits, allow_cpu_seconds, confine
from apps.studies.decoding.pixels import Centre, DecodedLevels, Source, Width
from apps.studies.decoding.rejection import unreadable
from ml.contracts import WORKING_LONG_SIDE, Radiograph, RejectedInputError, Rejection

Result = TypeVar("Result")

OBJECTS_PER_PROCESS = 200
"""A process is replaced after this many objects, so that leaks and planted state do not last."""

_PRELOADED = ["apps.studies.decoding.preload"]
_CRASHES = {
    signal.SIGSEGV: "crashed the decoder",
    signal.SIGBUS: "crashed the decoder",
    signal.SIGABRT: "crashed the decoder",
    signal.SIGILL: "crashed the decoder",
    signal.SIGFPE: "crashed the decoder",
    signal.SIGXCPU: "took too long to decode",
}


class DecodePoolError(RetriableError):
    """The pool lost its process for a reason that need not be the object's; decoding may be retried."""


class DecodePool:
    """A fixed number of confined processes that decode.

    A crash, a time-out or a lack of memory while decoding is the object's fault and becomes
    `RejectedInputError` (unreadable); a process killed from outside, or a pool that is shutting
    down, becomes `DecodePoolError`.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        limits: Limits | None = None,
        objects_per_process: int = OBJECTS_PER_PROCESS,
    ) -> None:
        self._workers = workers
        self._limits = limits or Limits()
        self._objects_per_process = objects_per_process
        self._lock = threading.Lock()
        self._closed = False
        self._pool: ProcessPool | None = None

    def decode(self, source: Source) -> Radiograph:
        """Decode a DICOM object, PNG or JPEG; see `pixels.decode`."""
        decoded: DecodedLevels = self._run(partial(pixels.decode_levels, source))
        return decoded.radiograph()

    def render(
        self,
        source: Source,
        *,
        window: tuple[Centre, Width] | None = None,
        invert: bool = False,
        long_side: int = WORKING_LONG_SIDE,
    ) -> bytes:
        """Return a PNG of an object; see `pixels.render`."""
        return self._run(partial(pixels.render, source, window=window, invert=invert, long_side=long_side))

    def sop_instance_uid(self, source: Source) -> str:
        """Return the UID that an object states; see `pixels.sop_instance_uid`."""
        return self._run(partial(pixels.sop_instance_uid, source))

    def pixel_digest(self, source: Source) -> str:
        """Return the digest of an object's stored values; see `pixels.pixel_digest`."""
        return self._run(partial(pixels.pixel_digest, source))

    def start(self) -> None:
        """Start the processes now rather than with the first object."""
        self._run(_do_nothing)

    def close(self) -> None:
        """End the processes; what they were decoding fails with `DecodePoolError`."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            _end(pool)

    def _run(self, call: Callable[[], Result]) -> Result:
        pool = self._running_pool()
        try:
            future = pool.schedule(
                _call_confined, args=(call, self._limits.cpu_seconds), timeout=self._limits.wall_seconds
            )
            outcome = future.result()
        except FutureTimeoutError:
            raise unreadable(
                f"The object took longer than {self._limits.wall_seconds:g} s to decode"
            ) from None
        except MemoryError:
            raise unreadable("The object needs more memory to decode than is allowed") from None
        except ProcessExpired as error:
            raise _expiry(error) from None
        except (BrokenProcessPool, CancelledError, RuntimeError) as error:
            self._discard(pool)
            raise DecodePoolError(f"The decoding pool stopped: {error!r}") from error
        if isinstance(outcome, _Refusal):
            raise RejectedInputError(*outcome.rejections)
        return cast("Result", outcome)

    def _running_pool(self) -> ProcessPool:
        with self._lock:
            if self._closed:
                raise DecodePoolError("The decoding pool is closed")
            if self._pool is None:
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload(_PRELOADED)
                self._pool = ProcessPool(
                    max_workers=self._workers,
                    max_tasks=self._objects_per_process,
                    initializer=_confine_process,
                    initargs=(self._limits,),
                    context=context,
                )
            return self._pool

    def _discard(self, pool: ProcessPool) -> None:
        """Forget a broken pool, so that the next object starts another."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        _end(pool)


class _Refusal:
    """Typed rejections on their way back from a process (exceptions lose their fields in a pickle)."""

    def __init__(self, rejections: tuple[Rejection, ...]) -> None:
        self.rejections = rejections


def _confine_process(limits: Limits) -> None:
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # it would log a stranger's text
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # and the codecs write to the terminal
    os.close(nowhere)
    confine(limits)


def _call_confined(call: Callable[[], Any], cpu_seconds: int) -> Any:
    allow_cpu_seconds(cpu_seconds)
    try:
        return call()
    except RejectedInputError as error:
        return _Refusal(error.rejections)


def _do_nothing() -> None:
    """Answer, which proves that the process is up."""


def _expiry(error: ProcessExpired) -> Exception:
    """Tell an object that breaks its decoder from a process that was killed from outside."""
    number = -error.exitcode if error.exitcode is not None else 0
    if number in _CRASHES:
        name = signal.Signals(number).name
        return unreadable(f"The object {_CRASHES[signal.Signals(number)]} ({name})")
    return DecodePoolError(f"The decoding process ended with exit status {error.exitcode}")


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]  # Pebble has no types here
    pool.join()


_shared: DecodePool | None = None
_shared_lock = threading.Lock()


def decode_pool(*, workers: int = 2) -> DecodePool:
    """Return this process's pool; the first call creates it, with that many processes."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = DecodePool(workers=workers)
            atexit.register(_shared.close)
        return _shared
