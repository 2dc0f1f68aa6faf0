"""The virtual environment `.venv` and the hash-checked packages in it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from scripts.errors import SetupError
from scripts.stamps import ROOT, digest

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
_STAMP = VENV / "installed.json"

RUNNING = ("base", "inference", "training")
DEVELOPING = (*RUNNING, "dev")


def ensure_packages(names: tuple[str, ...]) -> None:
    """Install `requirements/NAME.txt` for each name, unless exactly that is installed already.

    What was installed before stays and is kept up to date with its own file, so that `make demo`
    after `make test` does not leave the checks with other versions than they were locked with.

    Raises `SetupError` when this Python cannot make virtual environments or a download fails.
    """
    usable = _is_usable()
    installed = _noted().get("packages", {}) if usable else {}
    wanted = {name: digest([ROOT / "requirements" / f"{name}.txt"]) for name in {*names, *installed}}
    if wanted == installed:
        return
    if not usable:
        _make_environment()
    print(f"Installing {', '.join(sorted(wanted))} into .venv (minutes the first time)", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar=off", "--require-hashes", "--only-binary=:all:"]
    for name in sorted(wanted):
        command += ["-r", f"requirements/{name}.txt"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise SetupError(
            "pip could not install the packages (its message is above). Expected: a package index that pip "
            "can reach, PyPI or a mirror named in pip's own configuration. Then run the same command again."
        )
    _STAMP.write_text(json.dumps({"root": str(ROOT), "packages": wanted}, indent=2) + "\n", encoding="utf-8")


def _noted() -> dict[str, Any]:
    """Return what the last installation noted: the checkout's folder, and a digest by lock file."""
    return dict(json.loads(_STAMP.read_text(encoding="utf-8"))) if _STAMP.is_file() else {}


def _is_usable() -> bool:
    """Tell whether the environment works here.

    It holds absolute paths, so one that was moved does not; nor does one whose Python was replaced
    by another version, which no longer sees the environment's packages.
    """
    if not PYTHON.exists() or _noted().get("root", str(ROOT)) != str(ROOT):
        return False
    return subprocess.run([PYTHON, "-c", "import pip"], check=False, capture_output=True).returncode == 0


def _make_environment() -> None:
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    # Not the environment's own Python, should it be the one that runs this.
    python = getattr(sys, "_base_executable", sys.executable)
    command = [python, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        raise SetupError(
            f"{python} cannot make a virtual environment. On Debian: apt install python3-venv\n"
            f"{made.stdout}{made.stderr}".rstrip()
        )
