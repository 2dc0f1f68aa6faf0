"""Looks the locked Python packages up among known vulnerabilities.

Run as `.venv/bin/python -m scripts.audit_requirements`.

A known vulnerability fails. A vulnerability service that cannot be reached (closed networks, mirrors
without advisories) is said aloud and does not fail: the checks must run there too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.stamps import ROOT

_NO_ANSWER = re.compile(r"(Connection|Proxy|SSL|Service|HTTP)Error|Timeout|[Cc]ould not connect")


def main() -> int:
    """Audit every lock file; return 1 if a locked package is known to be vulnerable."""
    packages: dict[str, dict[str, Any]] = {}
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        try:
            packages.update({package["name"]: package for package in _audit(lock)})
        except UnreachableError as error:
            print(f"{lock.name}: NOT AUDITED, the vulnerability service could not be asked: {error}")
    vulnerable = [package for package in packages.values() if package.get("vulns")]
    unknown = [package for package in packages.values() if "skip_reason" in package]
    for package in vulnerable:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    if unknown:
        print(f"{len(unknown)} of {len(packages)} packages NOT AUDITED: {unknown[0]['skip_reason']}, …")
    print(f"pip-audit: {len(packages) - len(unknown)} packages audited, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


class UnreachableError(Exception):
    """The vulnerability service gave no answer."""


def _audit(lock: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service=pypi", "--format=json"]
    command += ["--progress-spinner=off", "--disable-pip", "--require-hashes", "-r", str(lock)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        if _NO_ANSWER.search(reason):
            raise UnreachableError(reason) from None
        raise RuntimeError(f"pip-audit failed on {lock.name}: {reason}") from None
    return list(report["dependencies"])


if __name__ == "__main__":
    sys.exit(main())
