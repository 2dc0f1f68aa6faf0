from __future__ import annotations

from pathlib import Path

import pytest

from scripts import stamps


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stamps, "ROOT", tmp_path)
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "page.js").write_text("1")
    return folder


def test_a_step_is_current_until_a_source_changes(sources: Path, tmp_path: Path) -> None:
    stamp = tmp_path / "built" / "stamp"
    before = stamps.digest([sources])
    assert not stamps.is_current(stamp, before)
    stamps.write(stamp, before)
    assert stamps.is_current(stamp, stamps.digest([sources]))

    (sources / "page.js").write_text("2")
    assert not stamps.is_current(stamp, stamps.digest([sources]))


def test_a_moved_file_and_another_fact_count_as_changes(sources: Path) -> None:
    before = stamps.digest([sources])
    assert stamps.digest([sources], "v20.19.0") != before
    (sources / "page.js").rename(sources / "renamed.js")
    assert stamps.digest([sources]) != before
