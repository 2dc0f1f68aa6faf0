"""Logs that cannot be forged: control and bidirectional characters become visible escapes."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


def plain_text(value: str) -> str:
    """Replace control, line-breaking and bidirectional characters by `\\uXXXX` escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", value)


@contextmanager
def request_id() -> Iterator[str]:
    """Make an id for what happens inside; log lines carry it."""
    identity = uuid.uuid4().hex[:12]
    token = _request_id.set(identity)
    try:
        yield identity
    finally:
        _request_id.reset(token)


class PlainTextFilter(logging.Filter):
    """Make one record one line, whatever a sender put into it; tracebacks are kept as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = plain_text(record.getMessage()), None
        record.request_id = _request_id.get()
        return True
