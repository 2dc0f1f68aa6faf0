"""Keep OpenVINO's tools from reporting what a hospital does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE = "CI"


@contextmanager
def no_telemetry() -> Iterator[None]:
    """Convert and quantise without usage statistics.

    Unless told otherwise, OpenVINO's converter and NNCF send statistics to Google Analytics and write an
    identifier into the home folder. They leave both where they believe to run in continuous integration,
    which is the one switch that needs no file in somebody's home.
    """
    former = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = "true"
    try:
        yield
    finally:
        if former is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = former
