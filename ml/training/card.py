"""Write a model version's card and its CLAIM checklist from its record, and from nothing else.

The words are in `templates/`; every figure in them comes from the folder's files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.audit.report import WORDS
from ml.contracts import Finding, findings_of
from ml.evaluation.page import decimal, percent, worded
from ml.training.record import VersionRecord, read_record

CARD_NAME, CLAIM_NAME = "card.md", "claim.md"
TEMPLATES = Path(__file__).parent / "templates"

PAEDIATRIC_SOURCES = ("kermany",)
"""Public sources that hold only children, where viral and bacterial pneumonia nearly all come from."""

RARE = 150
"""Below so many test images the card warns of wide intervals."""


def write_card(folder: Path) -> None:
    """Write `card.md` and `claim.md` from a folder's `model.json`, `evaluation.json` and `lineage.json`.

    What `generalisation.json`, `fitness.json`, `audit.json` and `export.json` say is told where they are
    there; else the card says that it is not available, and why.
    """
    record = read_record(folder)
    for name in (CARD_NAME, CLAIM_NAME):
        template = _environment().get_template(f"{name}.jinja")
        (folder / name).write_text(_tidy(template.render(_values(record))), encoding="utf-8")


def _values(record: VersionRecord) -> dict[str, Any]:
    """Give the names that the templates use."""
    return {
        "record": record,
        "spec": record.spec,
        "evaluation": record.evaluation,
        "intervals": record.evaluation["intervals"],
        "lineage": record.lineage,
        "settings": record.lineage["settings"],
        "sides": record.lineage["sides"],
        "views": record.views,
        "gate": record.gate,
        "gate_figures": record.gate_figures,
        "audit": record.audit,
        "export": record.export,
        "absent": record.absent,
        "children": _children(record),
        "rare": [name for name, row in record.evaluation["per_class"].items() if row["n"] < RARE],
        "rare_below": RARE,
        "weakest": _weakest(record.evaluation["per_class"]),
        "verdicts": WORDS,
    }


def _children(record: VersionRecord) -> list[str]:
    """Give the sources of children alone, where the version names what these have nearly alone."""
    found = {finding for label in record.spec.labels for finding in findings_of(label, record.spec.classes)}
    if found.isdisjoint({Finding.VIRAL_PNEUMONIA, Finding.BACTERIAL_PNEUMONIA}):
        return []
    return [name for name in PAEDIATRIC_SOURCES if name in record.lineage["sources"]]


def _weakest(per_class: Mapping[str, Mapping[str, Any]]) -> str:
    """Give the finding that is missed most often."""
    known = {name: row["sensitivity"] for name, row in per_class.items() if row["sensitivity"] is not None}
    return min(known, key=known.__getitem__)


def _tidy(text: str) -> str:
    """Take away the spaces and empty lines that a template's unused parts leave."""
    lines = "\n".join(line.rstrip(" ") for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - Markdown; whoever makes HTML of it escapes
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decimal": decimal,
        "percent": percent,
        "worded": worded,
        "cell": cell,
        "quoted": _quoted,
        "sentence": _sentence,
        "thousands": "{:,}".format,
        "steps": _steps,
        "licences": _licences,
    }
    return environment


def cell(text: str) -> str:
    """Keep a manifest's text inside its cell of a table."""
    return " ".join(text.split()).replace("|", "/") or "not stated"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _steps(preprocessing: Mapping[str, Any]) -> str:
    """Write a chain of preprocessing as people do: `blur (sigma 0.7), window`."""
    return ", then ".join(
        step["step"] + "".join(f" ({name} {value:g})" for name, value in step.items() if name != "step")
        for step in preprocessing["steps"]
    )


def _licences(source: Mapping[str, Any]) -> str:
    without = source["without_licence"]
    stated = list(source["licences"])
    if without:
        stated.append(f"not stated for {without:,}" if stated else "not stated")
    return cell("; ".join(stated))
