"""The page about preprocessing names every crop and step, and its picture can be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.preprocessing import CROPS, STEPS
from ml.training import preprocessing_page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "model" / "preprocessing.md"


@pytest.mark.parametrize("name", [*CROPS, *STEPS])
def test_the_page_names_everything(name: str) -> None:
    assert f"| `{name}`" in PAGE.read_text()


def test_the_picture_can_be_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing_page, "PICTURE", tmp_path / "picture.webp")
    preprocessing_page.main()
    drawn = (tmp_path / "picture.webp").stat().st_size
    committed = (PAGE.parent.parent / "images" / "preprocessing.webp").stat().st_size
    assert drawn == pytest.approx(committed, rel=0.2)
