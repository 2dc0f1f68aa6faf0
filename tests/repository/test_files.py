"""What a file of this repository may be: no machine's paths, no long modules, no heavy weights."""

from __future__ import annotations

import re
from pathlib import Path

MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:home|root|Users|work)/[A-Za-z][\w.-]*")
LEARNED = {".bin", ".h5", ".joblib", ".keras", ".npy", ".npz", ".onnx", ".pb", ".pt", ".safetensors"}
MEBIBYTE = 2**20


def text_of(path: Path) -> str:
    """Return a file's text; nothing for a binary file."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def test_no_path_of_a_developers_machine(root: Path, repository_files: list[Path]) -> None:
    found = {
        f"{path}:{number}": match[0]
        for path in repository_files
        for number, line in enumerate(text_of(root / path).splitlines(), start=1)
        if (match := MACHINE_PATH.search(line))
    }
    assert found == {}, "write paths relative to the checkout or take them from a setting"


def test_python_files_have_one_subject(root: Path, repository_files: list[Path]) -> None:
    lengths = {
        str(path): len((root / path).read_text(encoding="utf-8").splitlines())
        for path in repository_files
        if path.suffix == ".py" and "migrations" not in path.parts
    }
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}, "split by subject"


def test_learned_files_stay_small(root: Path, repository_files: list[Path]) -> None:
    learned = [
        path for path in repository_files if path.suffix in LEARNED or path.is_relative_to("ml/pretrained")
    ]
    total = sum((root / path).stat().st_size for path in learned)
    assert total <= 25 * MEBIBYTE, f"{total / MEBIBYTE:.1f} MiB of learned files, at most 25"


def test_no_radiographs_and_no_built_assets(repository_files: list[Path]) -> None:
    refused = {".dcm", ".jpg", ".jpeg", ".jp2", ".tif", ".tiff"}
    built = ("static/dist", "staticfiles", "node_modules", "var", ".venv")
    assert [path for path in repository_files if path.suffix.lower() in refused] == []
    assert [path for path in repository_files if any(path.is_relative_to(folder) for folder in built)] == []
