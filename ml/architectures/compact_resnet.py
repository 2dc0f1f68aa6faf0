"""The bundled classifier: a small residual network (He 2016) for one grey channel.

Small networks from scratch match large ImageNet ones on chest radiographs (Raghu 2019). Global
average pooling and one linear layer make Grad-CAM equal to the class activation map (Zhou 2016), so
the serving graph explains itself in the forward pass.
"""

from __future__ import annotations

import keras
from keras import layers

STEM_CHANNELS = 24
STAGES = ((24, 1, 2), (48, 2, 2), (96, 2, 2), (144, 2, 1))
"""Channels, residual blocks and stride of each stage."""


def compact_resnet(input_size: int | None, classes: int, channels: int = 1) -> keras.Model:
    """Build the classifier: (size, size, channels) in [0, 1] to logits of the given number of classes."""
    inputs = keras.Input((input_size, input_size, channels), name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    x = layers.Conv2D(STEM_CHANNELS, 5, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.95)(x)
    x = layers.ReLU()(x)
    for channels, blocks, stride in STAGES:
        for block in range(blocks):
            x = _residual_block(x, channels, stride=stride if block == 0 else 1)
    x = layers.Identity(name="features", dtype="float32")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    x = layers.Dropout(0.2, dtype="float32")(x)
    outputs = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="compact_resnet")


def _residual_block(x: keras.KerasTensor, channels: int, *, stride: int) -> keras.KerasTensor:
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same")(shortcut)
    if shortcut.shape[-1] != channels:
        shortcut = layers.Conv2D(channels, 1, use_bias=False)(shortcut)
        shortcut = layers.BatchNormalization(momentum=0.95)(shortcut)
    x = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.95)(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
    # Starting each block as the identity makes early training calm (Goyal 2017).
    x = layers.BatchNormalization(momentum=0.95, gamma_initializer="zeros")(x)
    return layers.ReLU()(layers.Add()([x, shortcut]))
