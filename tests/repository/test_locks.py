"""Lock files pin everything by hash and name no address: where packages come from is the machine's matter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

LOCKS = ("base", "inference", "training", "dev", "node")
ADDRESS = re.compile(
    r"--(extra-)?index-url|--find-links|--trusted-host|@ (https?|file|git)|\b(pypi|npmjs)\.(org|com)\b"
)
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)")


@pytest.mark.parametrize("name", LOCKS)
def test_every_python_package_is_pinned_and_hashed(name: str, root: Path) -> None:
    text = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n?", "", text).strip())
    assert entries
    for entry in entries:
        assert PIN.match(entry), f"not pinned by ==: {entry.splitlines()[0]}"
        assert "--hash=sha256:" in entry, f"without a hash: {entry.splitlines()[0]}"


def test_locks_agree_on_versions(root: Path) -> None:
    versions: dict[str, dict[str, str]] = {}
    for name in LOCKS:
        for line in (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if pin := PIN.match(line):
                versions.setdefault(pin[1].lower(), {})[name] = pin[2]
    assert {package: found for package, found in versions.items() if len(set(found.values())) > 1} == {}


def test_every_wanted_package_is_locked(root: Path) -> None:
    for name in LOCKS:
        wanted = (root / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
        locked = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8").lower()
        for line in wanted:
            if line.strip() and not line.startswith(("#", "-c ")):
                package = re.split(r"[\[~=<>! ]", line, maxsplit=1)[0].lower().replace("_", "-")
                assert re.search(rf"(?m)^{re.escape(package)}(\[|==)", locked), f"{name}.txt lacks {package}"


def test_node_packages_are_hashed_and_name_no_address(root: Path) -> None:
    lock = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert packages
    assert [path for path, package in packages.items() if "resolved" in package] == []
    assert [path for path, package in packages.items() if "integrity" not in package] == []


def test_no_file_of_the_tooling_names_a_package_index(root: Path, repository_files: list[Path]) -> None:
    tooling = [
        path
        for path in repository_files
        if path.parts[0] in {"requirements", "scripts", ".ci"}
        or path.name in {"Makefile", "pyproject.toml", "package.json", ".npmrc", ".pre-commit-config.yaml"}
    ]
    named = {
        str(path): found[0]
        for path in tooling
        if (found := ADDRESS.search((root / path).read_text(encoding="utf-8")))
    }
    assert named == {}
