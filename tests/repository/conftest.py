"""The repository's own files, as Git lists them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository_files() -> list[Path]:
    """Every file that is committed, or would be: neither ignored nor deleted; relative to the root."""
    # The checkout may belong to another user than the one that tests it: Git must not mind.
    command = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = {Path(name) for name in listed.split("\0") if name}
    return sorted(path for path in paths if (ROOT / path).is_file())


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
