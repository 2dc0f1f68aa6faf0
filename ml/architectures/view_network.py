"""A small convolutional network that tells frontal chest radiographs from other images."""

from __future__ import annotations

import keras
from keras import layers

CONVOLUTIONS = ((16, 5, 2), (32, 3, 2), (48, 3, 2), (64, 3, 2))
"""Channels, kernel and stride of each layer: three million multiplications in all."""
EMBEDDING = 24


def view_network(input_size: int, views: int) -> keras.Model:
    """Build it: (size, size, 1) in [0, 1] to probabilities of the views.

    The last features keep their places: which way is up matters here.
    """
    inputs = keras.Input((input_size, input_size, 1), name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    for channels, kernel, stride in CONVOLUTIONS:
        x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(EMBEDDING, activation="relu", name="embedding")(x)
    outputs = layers.Dense(views, activation="softmax", name="views")(x)
    return keras.Model(inputs, outputs, name="view_network")
