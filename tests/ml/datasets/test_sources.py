"""Every source's licence and citation is known where a model is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.datasets.manifest import ManifestRow, read_manifest
from ml.datasets.sources import KNOWN_SOURCES, UNNAMED, sources_record


def row(source: str, **known: str) -> ManifestRow:
    return ManifestRow(Path("a.png"), "normal", "g", 0, "a", source=source, **known)


def test_what_the_manifest_says_comes_first() -> None:
    record = sources_record(
        [
            row("kermany", licence="CC0", citation="Ours, 2026"),
            row("kermany", licence="CC BY 4.0", citation="Ours, 2026"),
            row("kermany", licence="CC0"),
            row("kermany"),
        ]
    )
    assert record["kermany"]["images"] == 4
    assert record["kermany"]["licences"] == ["CC0", "CC BY 4.0"]
    assert record["kermany"]["without_licence"] == 1
    assert record["kermany"]["citations"] == ["Ours, 2026"]


def test_a_known_source_is_filled_in_and_an_unknown_one_says_nothing() -> None:
    record = sources_record([row("ozturk"), row("our hospital"), row("")])
    assert list(record) == ["our hospital", "ozturk", UNNAMED]
    assert record["ozturk"]["licences"] == [KNOWN_SOURCES["ozturk"].licence]
    assert record["ozturk"]["without_licence"] == 0
    assert "10.1016/j.compbiomed.2020.103792" in record["ozturk"]["citations"][0]
    assert record["our hospital"]["licences"] == record["our hospital"]["citations"] == []
    assert record["our hospital"]["without_licence"] == 1


@pytest.mark.real_data
def test_every_source_of_the_public_radiographs_is_cited(research_data: Path) -> None:
    record = sources_record(read_manifest(research_data / "manifest.csv").rows)
    assert len(record) == 5
    assert all(source["citations"] and source["licences"] for source in record.values())
