"""The front end: Node's packages and Vite's build in `static/dist`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from scripts import environment
from scripts.errors import SetupError
from scripts.stamps import ROOT, digest, is_current, write

_LOCK = [ROOT / "package.json", ROOT / "package-lock.json"]
_SOURCES = [*_LOCK, ROOT / "vite.config.js", ROOT / "static" / "src"]
_PACKAGES_STAMP = ROOT / "node_modules" / "installed.stamp"
_BUILD_STAMP = ROOT / "static" / "dist" / ".vite" / "built.stamp"


def ensure_frontend() -> None:
    """Build `static/dist`, unless it was built from exactly these sources.

    Raises `SetupError` when npm cannot fetch its packages or Vite cannot build.
    """
    sources = digest(_SOURCES)
    if is_current(_BUILD_STAMP, sources):
        return
    if not (runs_vite(_node_version()) and shutil.which("npm", path=_path())):
        # The wheel's node and npm lie in .venv/bin, which `_run` puts first on the path.
        environment.ensure_packages(("node",))
    lock = digest(_LOCK, _node_version())
    if not is_current(_PACKAGES_STAMP, lock):
        print("Installing the front end's packages", flush=True)
        _run(
            "npm",
            "ci",
            "--include=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
        )
        write(_PACKAGES_STAMP, lock)
    print("Building the front end", flush=True)
    _run("npm", "run", "--silent", "build", "--", "--logLevel=warn")
    write(_BUILD_STAMP, sources)


def runs_vite(node_version: str) -> bool:
    """Tell whether Vite 8 runs on this Node.js (`v20.19.0`): 20.19, or 22.12 and later."""
    found = re.match(r"v(\d+)\.(\d+)\.", node_version)
    if found is None:
        return False
    version = (int(found[1]), int(found[2]))
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def _node_version() -> str:
    node = shutil.which("node", path=_path())
    if node is None:
        return ""
    return subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout.strip()


def _path() -> str:
    return os.pathsep.join([str(environment.VENV / "bin"), os.environ.get("PATH", os.defpath)])


def _run(*command: str) -> None:
    program = shutil.which(command[0], path=_path())
    if program is None:
        raise SetupError(
            f"{command[0]} is missing, although Node.js was installed. Remove .venv and try again."
        )
    done = subprocess.run([program, *command[1:]], cwd=ROOT, env={**os.environ, "PATH": _path()}, check=False)
    if done.returncode != 0:
        raise SetupError(
            f"`{' '.join(command)}` failed (its message is above). "
            "Expected: a package registry that npm can reach, the default or one from its configuration."
        )
