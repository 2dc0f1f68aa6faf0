"""Keep OpenVINO's tools from reporting what a hospital does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# No setting of ours: the libraries look here.
_ENVIRONMENT = os.environ  # noqa: TID251 - see above


@contextmanager
def no_telemetry() -> Iterator[None]:
    """Convert and quantise without usage statistics.

    Unless told otherwise, OpenVINO's converter and NNCF send statistics to Google Analytics and write an
    identifier into the home folder. They leave both where they believe to run in continuous integration,
    which is the one switch that needs no file in somebody's home.
    """
    former = _ENVIRONMENT.get("CI")
    _ENVIRONMENT["CI"] = "true"
    try:
        yield
    finally:
        if former is None:
            del _ENVIRONMENT["CI"]
        else:
            _ENVIRONMENT["CI"] = former
