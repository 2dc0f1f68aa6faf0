"""Situations made by hand for single checks: what a version said about rows, without running one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.audit.network import Answers, AuditedNetwork, Film
from ml.audit.subject import Sample, Subject
from ml.contracts import FloatImage, ModelSpec
from ml.datasets.manifest import ManifestRow
from ml.preprocessing import WHOLE_IMAGE
from tests.ml.conftest import BUNDLED

LABELS = ("normal", "covid19")


def row(number: int, label: str, **columns: Any) -> ManifestRow:
    """Give a row of its own patient."""
    values = {"path": Path(f"{number}.png"), "group": f"patient-{number}", "fold": 0, "image_id": str(number)}
    return ManifestRow(label=label, **{**values, **columns})


def subject(
    rows: Sequence[ManifestRow],
    *,
    predicted: Sequence[int] | None = None,
    embeddings: FloatImage | None = None,
    folder: Path = BUNDLED,
    **changes: Any,
) -> Subject:
    """Give a version of two labels that has answered so, right everywhere unless told otherwise."""
    targets = np.array([LABELS.index(one.label) for one in rows], np.intp)
    said = targets if predicted is None else np.array(predicted, np.intp)
    made = Subject(folder=folder, spec=spec(), network=network(), rows=rows, targets=targets, **changes)
    answers = Answers(0.8 * np.eye(2)[said] + 0.1, np.zeros((len(rows), 2, 2, 2), np.float32), embeddings)
    vars(made)["answers"] = answers
    return made


def with_sample(made: Subject, films: Sequence[Film], class_maps: FloatImage) -> Subject:
    """Let all of the subject's rows be its sample, with these films and class maps of the whole image."""
    answers = Answers(made.answers.probabilities, class_maps, None, (WHOLE_IMAGE,) * len(films))
    vars(made)["sample"] = Sample(np.arange(len(films)), tuple(films), answers)
    return made


def spec() -> ModelSpec:
    """Give the spec of a version of two labels."""
    return ModelSpec("made", "none", LABELS, 64, "", 1.0, {}, {})


def network() -> AuditedNetwork:
    """Give a network that nobody asks: the answers are there already."""
    return object.__new__(AuditedNetwork)


def noise(n: int, channels: int = 8, seed: int = 0) -> NDArray[np.float32]:
    """Give features that know nothing."""
    return np.random.default_rng(seed).standard_normal((n, channels), dtype=np.float32)
