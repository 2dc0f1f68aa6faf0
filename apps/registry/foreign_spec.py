"""Can this code serve, and this database keep, what a stranger's `model.json` says?"""

from __future__ import annotations

import re

from apps.registry.engine import ARCHITECTURES, ModelVersionError
from ml.contracts import ModelSpec

MAX_LABELS = 64
MAX_PREPROCESSING_VERSION = 20


def spec_check(spec: ModelSpec) -> None:
    """Raise `ModelVersionError` unless the architecture is one of ours and every field is of its kind.

    Whether the network answers as it should is not asked here: `golden_check` does.
    """
    if not _is_word(spec.architecture) or spec.architecture not in ARCHITECTURES:
        raise ModelVersionError(
            f"The architecture {str(spec.architecture)[:40]!r} is not one of ours: networks are built by our "
            f"code only, which knows {', '.join(sorted(ARCHITECTURES))}."
        )
    labels = spec.labels
    if not 0 < len(labels) <= MAX_LABELS or not all(map(_is_word, labels)) or len(set(labels)) != len(labels):
        raise ModelVersionError(
            f"model.json: `labels` must be 1 to {MAX_LABELS} different words of a-z, 0-9 and _, each of at "
            "most 40 characters."
        )
    for field in ("conformal_quantiles", "operating_points"):
        values = getattr(spec, field)
        if not isinstance(values, dict) or not all(_is_share(values.get(label)) for label in labels):
            raise ModelVersionError(f"model.json: `{field}` must give every label a number from 0 to 1.")
    if not isinstance(spec.classes, dict) or not all(map(_are_words, spec.classes.values())):
        raise ModelVersionError("model.json: `classes` must give lists of findings.")
    version: object = spec.preprocessing_version
    if not isinstance(version, str) or len(version) > MAX_PREPROCESSING_VERSION:
        raise ModelVersionError(
            f"model.json: `preprocessing_version` must be a text of at most {MAX_PREPROCESSING_VERSION} "
            "characters."
        )


def _is_word(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[a-z0-9_]{1,40}", text) is not None


def _are_words(texts: object) -> bool:
    return isinstance(texts, list) and all(map(_is_word, texts))


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1
