"""What would end a run badly is found before it begins: folds, images, folders, space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from ml.datasets.images import UnreadableImageError, check_readable
from ml.datasets.manifest import Manifest, ManifestError, ManifestRow
from ml.datasets.split import DEFAULT_FOLDS
from ml.training.config import ProgressCallback, TrainingConfig, TrainingProgress
from ml.training.disk import check_space, check_writable

UNREADABLE_SHOWN = 5
PROGRESS_EVERY = 250
SIDES = 3
"""Training, calibration and test."""


def check_run(
    config: TrainingConfig,
    manifest: Manifest,
    rows: Sequence[ManifestRow],
    targets: Sequence[int],
    *,
    progress: ProgressCallback,
) -> None:
    """Check what a run needs, cheapest first; `rows` and their class numbers are those of its classes.

    Raises `TrainingConfigError` for folders and space, `ManifestError` for folds and images.
    """
    check_folds(
        rows,
        targets,
        classes=tuple(config.classes),
        folds=config.folds,
        test_fold=config.test_fold,
        calibration_fold=config.calibration_fold,
    )
    for folder in (config.out_dir.parent, config.cache_dir):
        if folder is not None:
            check_writable(folder)
    used = [*rows, *manifest.out_of_distribution]
    check_space(config, images=len(used))
    check_images(
        [row.path for row in used],
        progress=lambda done, total: progress(TrainingProgress("checking images", done, total)),
    )


def check_folds(
    rows: Sequence[ManifestRow],
    targets: Sequence[int],
    *,
    classes: Sequence[str],
    folds: int | None,
    test_fold: int,
    calibration_fold: int | None,
) -> None:
    """Raise `ManifestError` when a class is too rare for the folds or the manifest's own folds are wrong.

    Own folds are wrong when there are fewer than three, when a patient's images are in two of them, or
    when a class is missing where the run trains, calibrates or tests.
    """
    if folds is None and all(row.fold is not None for row in rows):
        _check_own_folds(rows, targets, classes, test_fold, calibration_fold)
        return
    wanted = folds or DEFAULT_FOLDS
    groups: dict[int, set[str]] = defaultdict(set)
    for row, target in zip(rows, targets, strict=True):
        groups[target].add(row.group)
    for target, name in enumerate(classes):
        if len(groups[target]) < wanted:
            raise ManifestError(
                f"Class {name!r} has {len(groups[target])} groups (patients); {wanted} folds need at least "
                f"{wanted}. Collect more, join it with another class, or give fewer --folds."
            )


def check_images(paths: Sequence[Path], *, progress: Callable[[int, int], None]) -> None:
    """Decode every image once; raises `ManifestError` with some of those that cannot be."""
    unreadable: list[str] = []
    for done, path in enumerate(paths, start=1):
        try:
            check_readable(path)
        except UnreadableImageError as error:
            unreadable.append(f"{path} ({error})")
        if done % PROGRESS_EVERY == 0 or done == len(paths):
            progress(done, len(paths))
    if unreadable:
        raise ManifestError(
            f"{len(unreadable)} of {len(paths)} images cannot be read, for example "
            f"{', '.join(unreadable[:UNREADABLE_SHOWN])}. Remove their rows or restore the files."
        )


def _check_own_folds(
    rows: Sequence[ManifestRow],
    targets: Sequence[int],
    classes: Sequence[str],
    test_fold: int,
    calibration_fold: int | None,
) -> None:
    fold_of: dict[str, int | None] = {}
    for row in rows:
        if (other := fold_of.setdefault(row.group, row.fold)) != row.fold:
            raise ManifestError(
                f"Group {row.group!r} is in folds {other} and {row.fold}; every image of a patient must be "
                "in one. Correct the manifest's `fold` or `group` column, or give --folds to make new ones."
            )
    known = sorted({row.fold for row in rows if row.fold is not None})
    if len(known) < SIDES:
        raise ManifestError(
            f"The manifest has folds {known}; {SIDES} are needed, to train, to calibrate and to test. "
            "Give --folds to make new ones."
        )
    if test_fold not in known:
        return  # `split_rows` says so
    if calibration_fold is None:
        calibration_fold = known[(known.index(test_fold) + 1) % len(known)]
    sides = {"test": {test_fold}, "calibration": {calibration_fold}}
    sides["training"] = set(known) - sides["test"] - sides["calibration"]
    present = {(target, row.fold) for row, target in zip(rows, targets, strict=True)}
    for side, folds in sides.items():
        for target, name in enumerate(classes):
            if not any((target, fold) in present for fold in folds):
                raise ManifestError(
                    f"Class {name!r} has no image for {side} (fold {', '.join(map(str, sorted(folds)))}). "
                    "Choose another --test-fold, or give --folds to make new folds."
                )
