"""Assemble the goal table.

    python -m benchmarks.goals [--version FOLDER] [--audit FILE] [--elsewhere FILE]

Writes `docs/model/goals.md`. Nothing is measured here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals.files import Results
from benchmarks.goals.page import goals_page

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Read the result files, write the page and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.goals",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", type=Path, default=ROOT / "ml" / "pretrained" / "cxr", help="a model version's folder"
    )
    parser.add_argument(
        "--audit", type=Path, help="what audit_model wrote; without it the folder's audit.json"
    )
    parser.add_argument("--elsewhere", type=Path, help="what evaluate_model wrote on other hospitals' images")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "model" / "goals.md")
    options = parser.parse_args(arguments)
    page = goals_page(
        Results(
            version=options.version,
            audit_file=options.audit or options.version / "audit.json",
            benchmarks=options.results,
            elsewhere_file=options.elsewhere,
        )
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
