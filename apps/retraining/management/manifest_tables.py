"""The report on a manifest as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

SHOWN = 10
"""Files named in each list; the JSON has them all."""


def report_tables(report: Mapping[str, Any]) -> Iterator[Table | Text]:
    """Give the parts of a report in the order in which a person asks for them."""
    yield _counts(report["counts"])
    yield _duplicates(report["duplicates"])
    yield _diversity(report["diversity"])
    for file, reason in list(report["unreadable"].items())[:SHOWN]:
        yield Text(f"cannot be read: {file} ({reason})")
    for text in report["duplicates"]["conflicts"][:SHOWN]:
        yield Text(f"another label for the same image: {text}")
    for reason, count in report["left_aside"].items():
        yield Text(f"left aside: {count} × {reason}")
    for warning in report["warnings"]:
        yield Text(f"! {warning}", style="yellow")


def _counts(counts: list[dict[str, Any]]) -> Table:
    table = Table("label", "source", "split", title="Images")
    table.add_column("images", justify="right")
    table.add_column("groups", justify="right")
    for row in counts:
        cells = (row["label"], row["source"], row["split"] or "–")
        table.add_row(*map(Text, cells), f"{row['images']:,}", f"{row['groups']:,}")
    table.add_section()
    table.add_row("", "", "", f"{sum(row['images'] for row in counts):,}", "")
    return table


def _duplicates(duplicates: Mapping[str, Any]) -> Table:
    table = Table("", title="Copies")
    names = ("pairs", "within_labels", "across_labels", "across_splits", "across_sources")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    table.columns[0].no_wrap = True
    for kind, title in (("exact", "identical files"), ("near", "near-duplicates")):
        table.add_row(title, *(f"{duplicates[kind][name]:,}" for name in names))
    return table


def _diversity(diversity: Mapping[str, Any]) -> Table:
    table = Table("", "", title="Diversity")
    for name in ("width", "height", "aspect", "age"):
        if quantiles := diversity[name]:
            table.add_row(name, ", ".join(f"{key} {value:g}" for key, value in quantiles.items()))
    table.add_row("age unknown", f"{diversity['age_unknown']:,}")
    for name in ("sex", "view"):
        table.add_row(name, Text(", ".join(f"{key} {count:,}" for key, count in diversity[name].items())))
    return table
