"""Train in bfloat16 where that is faster; weights stay float32, and so does everything that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

PRECISIONS = ("float32", "mixed_bfloat16")


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers under this Keras dtype policy, and restore the former one afterwards."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)
