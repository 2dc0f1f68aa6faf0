"""A small network that looks at three scales at once: kernels of 3, 5 and 7 side by side.

Opacities come as fine reticulation and as whole lobes; parallel kernels (Szegedy 2015) let every
stage see both.
"""

from __future__ import annotations

import keras
from keras import layers

from ml.architectures.head import classifier_head

STEM_CHANNELS = 24
KERNELS = (3, 5, 7)
STAGES = (16, 32, 48, 64)
"""Channels of each kernel in each stage; a stage halves the side, the last one does not."""


def multi_kernel_cnn(input_size: int | None, classes: int, channels: int = 1) -> keras.Model:
    """Build the classifier: (size, size, channels) in [0, 1] to logits of the given number of classes."""
    inputs = keras.Input((input_size, input_size, channels), name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    x = layers.Conv2D(STEM_CHANNELS, 7, strides=2, padding="same", use_bias=False)(x)
    x = _activated(x)
    for stage, width in enumerate(STAGES):
        x = layers.MaxPooling2D(padding="same")(x) if stage < len(STAGES) - 1 else x
        x = _parallel_kernels(x, width)
    return keras.Model(inputs, classifier_head(x, classes), name="multi_kernel_cnn")


def _parallel_kernels(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    branches = [
        _activated(layers.Conv2D(width, kernel, padding="same", use_bias=False)(x)) for kernel in KERNELS
    ]
    x = layers.Concatenate()(branches)
    # One by one, the scales are weighed against each other at every place.
    mixed = layers.Conv2D(width * len(KERNELS), 1, use_bias=False)(x)
    return layers.Add()([x, _activated(mixed)])


def _activated(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
