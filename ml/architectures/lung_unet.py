"""A small U-Net (Ronneberger 2015) that marks the lungs, the part behind the heart included."""

from __future__ import annotations

import keras
from keras import layers

BASE_CHANNELS = 16
DEPTH = 3


def lung_unet(input_size: int | None, classes: int) -> keras.Model:
    """Build the segmentation network: (size, size, 1) in [0, 1] to per-pixel probabilities."""
    inputs = keras.Input((input_size, input_size, 1), name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    # Lungs are smooth: working at half the size from here on saves four fifths of the time.
    x = layers.Conv2D(BASE_CHANNELS, 5, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    skips = []
    for level in range(DEPTH):
        x = _double_convolution(x, BASE_CHANNELS * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _double_convolution(x, BASE_CHANNELS * 2**DEPTH)
    for level in reversed(range(DEPTH)):
        # Narrowed before it grows, and added instead of concatenated: a third of the work at full size.
        x = layers.Conv2D(BASE_CHANNELS * 2**level, 1)(x)
        x = layers.UpSampling2D()(x)
        x = layers.Add()([x, skips[level]])
        x = _double_convolution(x, BASE_CHANNELS * 2**level)
    # One pixel at half the size gives the four at full size.
    x = layers.Conv2DTranspose(classes, 2, strides=2, dtype="float32")(x)
    outputs = layers.Activation("sigmoid", dtype="float32", name="lungs")(x)
    return keras.Model(inputs, outputs, name="lung_unet")


def _double_convolution(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    for _ in range(2):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return x
