"""Logs that cannot be forged: control and bidirectional characters become visible escapes."""

from __future__ import annotations

import logging
import re

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def plain_text(value: str) -> str:
    """Replace control, line-breaking and bidirectional characters by `\\uXXXX` escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", value)


class PlainTextFilter(logging.Filter):
    """Make one record one line, whatever a sender put into it; tracebacks are kept as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = plain_text(record.getMessage()), None
        return True
