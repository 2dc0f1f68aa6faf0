"""A10: did the version see these patients, or copies of these images, while it was made?"""

from __future__ import annotations

import numpy as np

from ml.audit.checks import Check, NotAvailableError, Threshold
from ml.audit.intervals import proportion_interval
from ml.audit.subject import BATCH, Subject
from ml.datasets.crops import read_grey
from ml.datasets.duplicates import fingerprint, near_duplicates

A10_LEAKED = Threshold(goal=0.0, limit=0.005)
"""Share of audited images with a near-duplicate on the other side; a shared patient fails in any case."""

EXAMPLES = 10


def leakage(subject: Subject) -> Check:
    """A10: look for groups (patients) and near-duplicates on both sides of training and audit."""
    if not subject.development:
        raise NotAvailableError(
            "These are not the manifests that the version was trained on, so its training images are unknown."
        )
    groups = {row.group for row in subject.development}
    shared = sorted({row.group for row in subject.rows if row.group in groups})
    pairs = _near_duplicates(subject)
    copied = {audited for audited, _ in pairs} | {
        i for i, row in enumerate(subject.rows) if row.group in groups
    }
    share = len(copied) / len(subject.rows)
    threshold = A10_LEAKED if not shared else Threshold(goal=0.0, limit=0.0)
    return Check(
        "A10",
        threshold.verdict(share),
        f"{len(shared)} patients stand on both sides, and {len({audited for audited, _ in pairs})} of "
        f"{len(subject.rows):,} images look like copies of one that the version was made with. An image "
        "that is known already is no test.",
        figure=share,
        interval=proportion_interval(len(copied), len(subject.rows)),
        threshold=threshold,
        details={
            "audited_images": len(subject.rows),
            "development_images": len(subject.development),
            "shared_groups": len(shared),
            "shared_group_examples": shared[:EXAMPLES],
            "near_duplicate_pairs": len(pairs),
            "near_duplicate_examples": [
                [subject.rows[i].image_id, subject.development[j].image_id] for i, j in pairs[:EXAMPLES]
            ],
        },
    )


def _near_duplicates(subject: Subject) -> list[tuple[int, int]]:
    """Give pairs (audited, development) that show the same exposure, as building a manifest judges it."""
    rows = [*subject.rows, *subject.development]
    prints = []
    for i, row in enumerate(rows):
        levels = (read_grey(row.path) * 255 + 0.5).astype(np.uint8)
        prints.append(fingerprint(levels))
        if i % BATCH == 0:
            subject.progress("looking for copies", i, len(rows))
    audited = len(subject.rows)
    pairs = near_duplicates(prints).tolist()
    return [(first, second - audited) for first, second in pairs if first < audited <= second]
