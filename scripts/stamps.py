"""Stamps: what a step was made from, kept beside what it made, so that it is done again only on change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def digest(paths: Iterable[Path], *facts: str) -> str:
    """Return one SHA-256 over files (folders: everything below), their names and further facts."""
    total = hashlib.sha256()
    for file in sorted(file for path in paths for file in _files(path)):
        total.update(f"{file.relative_to(ROOT)}\0{_sha256(file)}\n".encode())
    for fact in facts:
        total.update(f"{fact}\n".encode())
    return total.hexdigest()


def is_current(stamp: Path, value: str) -> bool:
    """Tell whether `stamp` says that the step was last done from `value`."""
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == value


def write(stamp: Path, value: str) -> None:
    """Note that the step is done; call it last, so that a step cut short is done again."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{value}\n", encoding="ascii")


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
