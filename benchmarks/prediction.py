"""`predict` on a 10 MB uncompressed DX, warm, on one core: the whole and its parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, percentile
from ml.phantom import phantom_dicom

ROOT = Path(__file__).resolve().parents[1]
WARM_UP, ROUNDS = 10, 60
RUNS = 5
"""On a shared machine one run of a second or two says little; the middle one of several says more."""
PARTS = ("decode", "preprocess", "infer", "explain", "total")


def measure() -> list[Figure]:
    """Give the middle of `RUNS` medians for each part, and the best and worst total of a run."""
    runs = [_measured() for _ in range(RUNS)]
    figures = [Figure("size of the file", runs[0]["megabytes"], "MB")]
    for part in PARTS:
        middle = percentile([run[part] for run in runs], 50)
        figures.append(Figure(f"{part}, p50", middle, "ms", 25 if part == "total" else None))
    totals = [run["total"] for run in runs]
    figures.append(Figure("total, p50 of the best run", min(totals), "ms"))
    figures.append(Figure("total, p50 of the worst run", max(totals), "ms"))
    return figures


def _measured() -> dict[str, float]:
    """Run the command once on many mentions of one file, held to one core, and leave the first out."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "dx.dcm"
        path.write_bytes(phantom_dicom("normal", seed=20, size=(2500, 2048)))
        megabytes = path.stat().st_size / 1e6
        done = subprocess.run(
            [sys.executable, "manage.py", "predict", "--json", *[str(path)] * (WARM_UP + ROUNDS)],
            cwd=ROOT,
            env={**os.environ, "CXR_DATA_DIR": str(Path(name) / "none")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}),
        )
    answers = [json.loads(line) for line in done.stdout.splitlines()][WARM_UP:]
    assert {answer["status"] for answer in answers} == {"completed"}, answers[0]
    medians = {
        part: percentile([float(answer["timing_ms"][part]) for answer in answers], 50) for part in PARTS
    }
    return {"megabytes": megabytes, **medians}
