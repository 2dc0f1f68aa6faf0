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
PARTS = ("decode", "preprocess", "infer", "explain", "total")


def measure() -> list[Figure]:
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
    figures = [Figure("size of the file", megabytes, "MB")]
    for part in PARTS:
        times = [float(answer["timing_ms"][part]) for answer in answers]
        figures.append(Figure(f"{part}, p50", percentile(times, 50), "ms", 25 if part == "total" else None))
    return figures
