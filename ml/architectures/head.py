"""What every classifier ends in, so that one pass gives an answer, its explanation and an embedding."""

from __future__ import annotations

import keras
from keras import layers

DROPOUT = 0.2


def classifier_head(features: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Give the logits [n, classes] of a network's last features [n, h, w, c].

    The layers `features` and `logits`, with nothing but global average pooling and dropout between
    them, are what exports and explanations look for (Zhou 2016). Both compute in float32.
    """
    x = layers.Identity(name="features", dtype="float32")(features)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    x = layers.Dropout(DROPOUT, dtype="float32")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)
