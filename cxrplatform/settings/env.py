"""Readers of the process environment: strict, documented, with secrets from `NAME` or `NAME_FILE`.

A value that cannot be understood stops the start with a sentence that says what was expected;
nothing falls back silently. `.env` in the project's root fills in what the environment lacks.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def load_dotenv(path: Path) -> None:
    """Fill unset variables from `NAME=value` lines; `#` starts a comment line.

    Raises `ImproperlyConfigured` with the line's number when a line is neither.
    """
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.removeprefix("export ").partition("=")
        if not separator or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path.name}, line {number}: expected NAME=value.")
        os.environ.setdefault(name.strip(), value.strip().strip("'\""))


def text(name: str, default: str = "") -> str:
    """Read one value; `NAME_FILE` names a file that holds it (for secrets).

    Raises `ImproperlyConfigured` when both are set or the file cannot be read.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value is not None and file:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error
    return default if value is None else value.strip()


def flag(name: str, default: bool = False) -> bool:
    """Read 1/0, true/false, yes/no or on/off; anything else is an error."""
    value = text(name).lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: expected 1 or 0.")


def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Read a whole number within [minimum, maximum]."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r}: expected a whole number.") from None
    if number < minimum or (maximum is not None and number > maximum):
        limit = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
        raise ImproperlyConfigured(f"{name}={number}: expected {limit}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """Read a comma-separated list; empty entries are dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """Read one of `options`."""
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name}={value!r}: expected one of {', '.join(options)}.")
    return value


def numbers(name: str) -> dict[str, float]:
    """Read `key=number,key=number` with numbers in [0, 1]."""
    result: dict[str, float] = {}
    for entry in words(name):
        key, separator, value = entry.partition("=")
        try:
            number = float(value)
        except ValueError:
            separator, number = "", 0.0
        if not separator or not 0 <= number <= 1:
            raise ImproperlyConfigured(f"{name}: {entry!r}: expected finding=number in 0..1.")
        result[key.strip()] = number
    return result
