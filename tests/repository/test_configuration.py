"""Every environment variable that the settings read is described in docs/configuration.md, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

DOCUMENTED = re.compile(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`")


def settings_trees(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the settings modules that read the environment of an installation."""
    for path in sorted((root / "cxrplatform" / "settings").glob("*.py")):
        if path.name not in {"env.py", "test.py"}:  # the readers themselves; the suite's own values
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def environment_reads(root: Path) -> dict[str, str]:
    """Return each variable with the place that reads it, from the calls `env.READER("NAME", …)`."""
    reads: dict[str, str] = {}
    for path, tree in settings_trees(root):
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="env"), attr=reader), args=[first, *_]
                ) if reader != "load_dotenv":
                    place = f"{path.name}:{node.lineno}"
                    match first:
                        case ast.Constant(value=str(name)):
                            reads[name] = place
                        case _:
                            raise AssertionError(
                                f"{place}: write the variable's name out, so that it can be found"
                            )
    return reads


def test_every_variable_is_documented(root: Path) -> None:
    documented = set(DOCUMENTED.findall((root / "docs" / "configuration.md").read_text(encoding="utf-8")))
    reads = environment_reads(root)
    assert reads
    assert {name: place for name, place in reads.items() if name not in documented} == {}


def test_no_variable_is_documented_that_nobody_reads(root: Path) -> None:
    documented = DOCUMENTED.findall((root / "docs" / "configuration.md").read_text(encoding="utf-8"))
    ours = {name.removesuffix("_FILE") for name in documented if name.startswith("CXR_")}
    assert ours - set(environment_reads(root)) == set()


def test_settings_read_the_environment_by_its_readers_only(root: Path) -> None:
    direct = [
        f"{path.name}:{node.lineno}"
        for path, tree in settings_trees(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert direct == []
