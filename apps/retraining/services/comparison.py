"""Comparing registered versions with the present champion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import ConflictError
from apps.registry.selectors import champion, version_folder, version_from_reference
from apps.registry.services import version_comparison_keep
from apps.retraining.progress import Report
from apps.retraining.selectors.runs import training_folder


def version_compare(
    *, reference: str, manifests: Sequence[Path], actor: Actor, report: Report
) -> dict[str, Any]:
    """Compare a version with the champion of this moment and keep the result with it.

    For a candidate that was made before the alias moved: both answer for its own test images where
    the manifests are those that it was trained on, else for all of them. Raises `NotPermittedError`,
    `VersionNotFoundError`, `EvaluationError`, and `ConflictError` when there is no other champion.
    """
    from apps.retraining.engine import champion_compare

    actor.require(Right.TRAIN)
    version = version_from_reference(reference)
    present = champion(version.model.name)
    if present is None or present == version:
        raise ConflictError(f"{version.model} has no other champion to compare {version} with.")
    comparison = champion_compare(
        version_folder(version),
        champion=version_folder(present),
        champion_name=str(present),
        manifests=manifests,
        cache_dir=training_folder() / "cache",
        report=report,
    )
    version_comparison_keep(version=version, comparison=comparison, actor=actor)
    return comparison
