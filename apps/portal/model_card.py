"""A model's card as blocks of plain text, and its headline figures.

The card is Markdown that came with a model's files, so it is a stranger's text. Only the few forms that
cards use are read (headings, paragraphs, lists, tables, code), into values that templates escape; no
HTML is made here, so none can be smuggled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from apps.portal import wording
from apps.registry.models import ModelVersion

_SHARES = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "coverage": "Coverage"}
_DISTANCES = {"ece": "Calibration error", "brier": "Brier score"}

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.*)")
_RULE_CELL = re.compile(r":?-{2,}:?")
_EMPHASIS = re.compile(r"(\*\*|__|`|\*(?=\S))(.+?)\1")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")


@dataclass(slots=True)
class Block:
    """One part of a card: `heading`, `paragraph`, `list`, `table` or `code`."""

    kind: str
    text: str = ""
    level: int = 0
    items: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def blocks_of(card: str) -> list[Block]:
    """Read a card into blocks; what is not understood stays as the text that it is."""
    blocks: list[Block] = []
    lines = card.splitlines()
    position = 0
    while position < len(lines):
        line = lines[position]
        if line.lstrip().startswith("```"):
            end = next(
                (at for at in range(position + 1, len(lines)) if lines[at].lstrip().startswith("```")),
                len(lines),
            )
            blocks.append(Block("code", text="\n".join(lines[position + 1 : end])))
            position = end + 1
            continue
        last = blocks[-1] if blocks else None
        if heading := _HEADING.fullmatch(line):
            blocks.append(Block("heading", text=_plain(heading[2]), level=min(len(heading[1]) + 1, 4)))
        elif line.lstrip().startswith("|"):
            _add_table_row(blocks, last, line)
        elif item := _ITEM.fullmatch(line):
            if last is None or last.kind != "list":
                blocks.append(Block("list"))
            blocks[-1].items.append(_plain(item[1]))
        elif not line.strip():
            blocks.append(Block("gap"))
        elif last is not None and last.kind == "paragraph":
            last.text += " " + _plain(line.strip())
        elif last is not None and last.kind == "list" and line.startswith(" "):
            last.items[-1] += " " + _plain(line.strip())
        else:
            blocks.append(Block("paragraph", text=_plain(line.strip())))
        position += 1
    return [block for block in _joined_lists(blocks) if block.kind != "gap"]


def _joined_lists(blocks: list[Block]) -> list[Block]:
    """Join the pieces of a list whose items stand apart."""
    joined: list[Block] = []
    for block in blocks:
        before = next((other for other in reversed(joined) if other.kind != "gap"), None)
        if block.kind == "list" and before is not None and before.kind == "list":
            before.items.extend(block.items)
        else:
            joined.append(block)
    return joined


def _add_table_row(blocks: list[Block], last: Block | None, line: str) -> None:
    cells = [_plain(cell.strip()) for cell in line.strip().strip("|").split("|")]
    if last is None or last.kind != "table":
        blocks.append(Block("table", head=cells))
    elif not all(_RULE_CELL.fullmatch(cell) for cell in cells):
        last.rows.append(cells)


def _plain(text: str) -> str:
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1 (\2)", text))


def figures_of(version: ModelVersion) -> list[tuple[str, str]]:
    """Return the figures of a version's evaluation that people compare, named."""
    evaluation: dict[str, Any] = version.evaluation
    figures: list[tuple[str, str]] = []
    for key, name in (
        ("accuracy", "Accuracy"),
        ("balanced_accuracy", "Balanced accuracy"),
        ("coverage", "Coverage"),
    ):
        if isinstance(value := evaluation.get(key), (int, float)):
            figures.append((name, wording.percent(float(value))))
    for key, name in _DISTANCES.items():
        if isinstance(value := evaluation.get(key), (int, float)):
            figures.append((name, f"{value:.3f}"))
    if isinstance(count := evaluation.get("n"), int):
        figures.append(("Images", f"{count:,}"))
    return figures
