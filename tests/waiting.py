"""Wait for a condition with a deadline: no test sleeps for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], *, deadline: float = 10.0, what: str = "", every: float = 0.05) -> T:
    """Call `condition` until what it returns is true, and return that.

    Args:
        deadline: seconds until the test fails.
        what: the end of the sentence "Waited N s for …".
        every: seconds between two calls.
    """
    end = time.monotonic() + deadline
    while True:
        if result := condition():
            return result
        if time.monotonic() > end:
            raise AssertionError(f"Waited {deadline:g} s for {what or condition}.")
        time.sleep(every)
