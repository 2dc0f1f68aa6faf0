"""A full disk is noticed before a run begins, and explained when it fills up during one."""

from __future__ import annotations

import errno
import functools
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec

from ml.training.config import TrainingConfig, TrainingConfigError

VERSION_BYTES = 512 << 20
"""Room for one version's folder and the run's own files: the largest network here has 54 M parameters, kept
as Keras weights and as an exported graph."""
MEASUREMENT_BYTES = 64
"""Of one image in the cache of crops, besides its pixels."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_IN_WORDS = ("No space left on device", "Disk quota exceeded", "File too large", "iostream error")
"""Libraries that raise without an error number say it so; the last one is OpenVINO's for any failed write."""

P = ParamSpec("P")


def check_space(config: TrainingConfig, *, images: int) -> None:
    """Raise `TrainingConfigError` unless the disks have room for the crops' cache and the version."""
    needs: dict[Path, int] = {config.out_dir: VERSION_BYTES}
    if config.cache_dir is not None:
        crop = config.input_size**2 * config.preprocessing.channels + MEASUREMENT_BYTES
        needs[config.cache_dir] = images * crop
    _check_each_disk(needs)


def check_writable(folder: Path) -> None:
    """Make the folder that a run writes into; raises `TrainingConfigError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        if is_full(error):
            raise TrainingConfigError(
                f"The disk of {folder} is full. Free some space and run again."
            ) from error
        raise TrainingConfigError(
            f"{folder} cannot be written to: {error.strerror}. Choose another folder or change its owner."
        ) from error


def is_full(error: BaseException) -> bool:
    """Tell whether an error, or what caused it, is a disk or a quota that is used up."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        if any(words in str(cause) for words in _FULL_IN_WORDS):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def explains_full_disk(
    run: Callable[Concatenate[TrainingConfig, P], Path],
) -> Callable[Concatenate[TrainingConfig, P], Path]:
    """Make a run that meets a full disk raise `TrainingConfigError` with what is free and what to do."""

    @functools.wraps(run)
    def explained(config: TrainingConfig, /, *args: P.args, **kwargs: P.kwargs) -> Path:
        try:
            return run(config, *args, **kwargs)
        except (OSError, RuntimeError) as error:
            if not is_full(error):
                raise
            free = shutil.disk_usage(_existing(config.out_dir)).free
            raise TrainingConfigError(
                f"The disk filled up during the run; {_mebibytes(free)} are free at {config.out_dir.parent}. "
                "Nothing was kept. Free some space (the cache of crops may be deleted) and run again."
            ) from error

    return explained


def _check_each_disk(needs: Mapping[Path, int]) -> None:
    needed: dict[int, int] = defaultdict(int)
    folders: dict[int, Path] = {}
    for folder, size in needs.items():
        existing = _existing(folder)
        device = existing.stat().st_dev
        needed[device] += size
        folders.setdefault(device, existing)
    for device, size in needed.items():
        free = shutil.disk_usage(folders[device]).free
        if free < size:
            raise TrainingConfigError(
                f"The disk of {folders[device]} has {_mebibytes(free)} free; this run needs about "
                f"{_mebibytes(size)}. Free some space or choose another data folder."
            )


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
