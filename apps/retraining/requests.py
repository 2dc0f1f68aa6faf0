"""What somebody asks for when asking for a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """The settings that a person may choose; None leaves the choice to `ml.training`.

    `init` is a reference such as `cxr:1`, `members` are several of them for an `ensemble`; `classes` maps
    a class to the manifest labels it gathers.
    `preprocessing` are steps as people write them, `blur(sigma=0.7), window`, `crop` how the lungs are cut
    out; what `init` was trained with goes on where they and `input_size` are not given.
    """

    manifests: tuple[Path, ...]
    architecture: str
    init: str | None = None
    weights: Path | None = None
    members: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    input_size: int | None = None
    preprocessing: str | None = None
    crop: str | None = None
    mixing: str | None = None
    balance: float | None = None
    patience: int | None = None
    quantise: bool | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    class_weights: Mapping[str, float] = field(default_factory=dict)
    trainable_layers: int | None = None
    folds: int | None = None
    test_fold: int | None = None
    seed: int | None = None
