"""What somebody asks for when asking for a training run, and what a trainer is then told to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

ENSEMBLE = "ensemble"
ARCHITECTURES = (
    "compact_resnet",
    "vgg16",
    "inception_v3",
    "mobilenet_v2",
    "resnet50",
    "densenet121",
    "efficientnet_b0",
    "inception_resnet_v2",
    "multi_kernel_cnn",
    ENSEMBLE,
)
"""Names that `ml.architectures` knows; kept here because asking it loads Keras."""

FINE_TUNE_EPOCHS = 8
FINE_TUNE_LEARNING_RATE = 5e-4
"""Of a run that continues from a version and leaves them open: a quarter of the rate and a third of the
epochs of a training from scratch, so that it learns what is new and keeps what it knows."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """The settings that a person may choose; None leaves the choice to `ml.training`.

    `init` is a reference such as `cxr:1`, `members` are several of them for an `ensemble`; `classes` maps
    a class to the manifest labels it gathers. `preprocessing` are steps as people write them,
    `blur(sigma=0.7), window`, `crop` how the lungs are cut out; what `init` was trained with goes on where
    they and `input_size` are not given. `cross_validate` also trains once for every fold, to tell how much
    the figures depend on the split; the candidate is the training whose test fold was asked for.
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
    surroundings: float | None = None
    without_lungs: float | None = None
    patience: int | None = None
    quantise: bool | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    class_weights: Mapping[str, float] = field(default_factory=dict)
    trainable_layers: int | None = None
    folds: int | None = None
    test_fold: int | None = None
    seed: int | None = None
    cross_validate: bool = False

    @property
    def is_fine_tuning(self) -> bool:
        """Whether it goes on from trained weights, and trains them at all."""
        return self.init is not None and self.epochs != 0

    def to_json(self) -> dict[str, Any]:
        """Give what was chosen as values that JSON can hold; what was left open is left out."""
        left_open = asdict(type(self)(manifests=(), architecture=""))
        chosen = {name: value for name, value in asdict(self).items() if value != left_open[name]}
        chosen["manifests"] = [str(path) for path in self.manifests]
        if self.weights is not None:
            chosen["weights"] = str(self.weights)
        return chosen

    @classmethod
    def from_json(cls, chosen: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; what a later release no longer knows is left out."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in chosen.items() if name in known}
        values["manifests"] = tuple(Path(path) for path in chosen.get("manifests", ()))
        values["members"] = tuple(chosen.get("members", ()))
        if "weights" in values:
            values["weights"] = Path(values["weights"])
        if "classes" in values:
            values["classes"] = {name: tuple(labels) for name, labels in values["classes"].items()}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class CandidateOrder:
    """All that making a candidate depends on, without a database: a trainer's child is given no more.

    `folder` is the work's own and keeps what is done, so that the same order given again goes on there.
    `provenance` goes into the version's lineage. `parent_audit` is that of `init`; `champion` is the folder
    of the version to compare with, known as `champion_name`.
    """

    request: TrainingRequest
    folder: Path
    cache_dir: Path
    lungs: Path
    init: Path | None = None
    members: tuple[Path, ...] = ()
    parent_audit: Mapping[str, Any] = field(default_factory=dict)
    champion: Path | None = None
    champion_name: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the order as values that JSON can hold."""
        return {
            "request": self.request.to_json(),
            "folder": str(self.folder),
            "cache_dir": str(self.cache_dir),
            "lungs": str(self.lungs),
            "init": str(self.init) if self.init else None,
            "members": [str(member) for member in self.members],
            "parent_audit": dict(self.parent_audit),
            "champion": str(self.champion) if self.champion else None,
            "champion_name": self.champion_name,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, order: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(
            request=TrainingRequest.from_json(order["request"]),
            folder=Path(order["folder"]),
            cache_dir=Path(order["cache_dir"]),
            lungs=Path(order["lungs"]),
            init=Path(order["init"]) if order["init"] else None,
            members=tuple(Path(member) for member in order["members"]),
            parent_audit=order["parent_audit"],
            champion=Path(order["champion"]) if order["champion"] else None,
            champion_name=order["champion_name"],
            provenance=order["provenance"],
        )
