"""The drawing of a run shows its epochs, and is the same every time."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from ml.training.history import HISTORY_NAME, history_svg, write_history
from tests.ml.training.recorded_version import HISTORY, write_document


def words_of(svg: str) -> str:
    return " ".join("".join(ElementTree.fromstring(svg).itertext()).split())


def test_it_shows_losses_sizes_and_the_kept_epoch(tmp_path: Path) -> None:
    write_document(tmp_path, "lineage", {"history": HISTORY})
    write_history(tmp_path)
    words = words_of((tmp_path / HISTORY_NAME).read_text())
    assert "Epoch 3 was kept: loss 0.772 and accuracy 0.680" in words
    for shown in (
        "48 px",
        "64 px",
        "kept: epoch 3",
        "calibration accuracy",
        "training, as mixed and smoothed",
    ):
        assert shown in words


def test_equal_epochs_give_equal_bytes_without_a_date() -> None:
    drawn = history_svg(HISTORY)
    assert drawn == history_svg([dict(epoch) for epoch in HISTORY])
    assert "date" not in drawn.lower()
    assert drawn != history_svg([*HISTORY, HISTORY[-1]])
    assert "<script" not in drawn
    assert "<style" not in drawn


def test_a_run_that_measured_no_epoch_is_drawn_without_one_kept() -> None:
    words = words_of(history_svg(HISTORY[:1]))
    assert "1 epochs" not in words
    assert "kept" not in words


def test_nothing_trained_leaves_no_drawing(tmp_path: Path) -> None:
    (tmp_path / HISTORY_NAME).write_text("of an earlier run")
    write_document(tmp_path, "lineage", {"history": []})
    write_history(tmp_path)
    assert not (tmp_path / HISTORY_NAME).exists()
