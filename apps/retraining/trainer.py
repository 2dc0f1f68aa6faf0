"""The killable child that trains: order on standard input, events on output, log on the other.

    python -m apps.retraining.trainer < ORDER

It has no database. An event is one line of JSON: `{"step": {…}}`, `{"say": "…"}`, or at the end
`{"error": "…", "permanent": true}`. What it makes lies in the order's folder; exit status 0 says that all
of it is there. It may be killed at any moment, and the same order given again goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any, TextIO

from apps.core.errors import PermanentError
from apps.retraining.making import candidate_make
from apps.retraining.progress import Step
from apps.retraining.requests import CandidateOrder

NICENESS = 10
"""Images that wait for a result on the same machine go first."""


def main() -> int:
    """Carry out the order; returns the exit status."""
    events = _own_output()
    os.nice(NICENESS)
    order = CandidateOrder.from_json(json.load(sys.stdin))

    def report(step: Step | str) -> None:
        _tell(events, {"say": step} if isinstance(step, str) else {"step": asdict(step)})

    order.folder.mkdir(parents=True, exist_ok=True)
    with (order.folder / "lock").open("w") as lock:
        # A child of a trainer that lost its lease may still be on its way out.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            candidate_make(order, report=report)
        except PermanentError as error:
            _tell(events, {"error": str(error), "permanent": True})
            return 1
        except Exception as error:  # noqa: BLE001 - told to the parent, which decides whether to try again
            traceback.print_exc()
            _tell(events, {"error": f"{type(error).__name__}: {error}", "permanent": False})
            return 1
    return 0


def _own_output() -> TextIO:
    """Keep standard output for events; what a library prints goes to the log."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return events


def _tell(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    sys.exit(main())
