"""`python -m benchmarks [NAME …]`: measure, compare with the aim, write JSON and Markdown to `results/`."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import delivery, fine_tuning, prediction, serving, startup, training
from benchmarks.figures import Figure, processor_name

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "serving": serving.measure,
    "prediction": prediction.measure,
    "delivery": delivery.measure,
    "startup": startup.measure,
    "training": training.measure,
    "fine_tuning": fine_tuning.measure,
}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run the named benchmarks, all by default; 1 when an aim was missed."""
    if unknown := set(names) - set(BENCHMARKS):
        print(f"Unknown: {', '.join(sorted(unknown))}; expected {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    missed = False
    for name in names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        figures = BENCHMARKS[name]()
        write(name, figures)
        missed |= any(figure.is_met is False for figure in figures)
    return int(missed)


def write(name: str, figures: list[Figure]) -> None:
    """Print a benchmark's figures and keep them as `results/NAME.{json,md}`."""
    machine = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
    }
    lines = [
        f"# {name}",
        "",
        "{when}, {processor}, {cores} cores, load average {load}, Python {python}".format(**machine),
        "",
        "| figure | measured | aim | |",
        "|---|---|---|---|",
        *(figure.row() for figure in figures),
        "",
    ]
    print("\n".join(lines), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")
    document = {"machine": machine, "figures": [figure.as_dict() for figure in figures]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
