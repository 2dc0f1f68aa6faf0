"""The goal table as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.goals.files import Results
from benchmarks.goals.rows import GOALS, Goal, Reached

NOT_MEASURED = "not measured"


def goals_page(results: Results, goals: Sequence[Goal] = GOALS) -> str:
    """Write the table, then the files that it was read from."""
    reached = [(goal, goal.read(results)) for goal in goals]
    sections = [
        "# Goals, and what was reached",
        "Assembled by `python -m benchmarks.goals` from the files that the named commands wrote; no figure "
        "is typed in, and a row without its file, or whose file does not hold the figure, is "
        f"{NOT_MEASURED}. Intervals are 95 %; they resample patients, or are Wilson's for shares refused.",
        "\n".join(
            [
                "| | known before | aim | reached | interval | | by which command |",
                "|---|---|---|---|---|---|---|",
                *(_row(goal, figure) for goal, figure in reached),
            ]
        ),
        "Left-out sources, reproductions and throughput belong to the recipe, trained anew for them; all "
        "other rows to the version in the folder.",
    ]
    if results.audit_is_older:
        sections.append(
            "**The audit that was found is older than the version**, so it was of another one: its rows "
            f"count as {NOT_MEASURED}. Run `manage.py audit_model` again."
        )
    files = [f"| `{name}` | `{digest[:16]}` |" for name, digest in sorted(results.digests.items())]
    sections.append("\n".join(["| read from | SHA-256 |", "|---|---|", *files]))
    return "\n\n".join(sections) + "\n"


def _row(goal: Goal, reached: Reached | None) -> str:
    aim = "–" if goal.aim is None else f"{'≤' if goal.at_most else '≥'} {goal.aim:g}"
    if reached is None:
        cells = [NOT_MEASURED, "–", "", "–"]
    else:
        low_high = "–" if reached.interval is None else " to ".join(f"{end:.3f}" for end in reached.interval)
        mark = {None: "", True: "met", False: "**missed**"}[goal.is_met(reached)]
        cells = [f"{reached.value:.4g}", low_high, mark, reached.by]
    return f"| {' | '.join([goal.name, goal.anchor or '–', aim, *cells])} |"
