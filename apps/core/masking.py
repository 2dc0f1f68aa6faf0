"""Identifiers as administrators see them: enough to tell two rows apart, too little to name a person."""

from __future__ import annotations

MASK = "•••"


def masked(text: str | None) -> str:
    """Keep the first character only; the mask's length tells nothing about what it hides.

    Empty stays empty, so that a missing identifier can still be seen to be missing.
    """
    return f"{text[0]}{MASK}" if text else ""
