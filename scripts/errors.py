"""What a person who sets up a machine can put right."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up cannot go on; the text says what is missing and how to get it."""
