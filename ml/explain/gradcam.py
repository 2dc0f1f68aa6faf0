"""Grad-CAM by automatic differentiation (Selvaraju 2017): the reference that the one-pass maps equal."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ml.contracts import FloatImage


class GradCam:
    """Explains one class of a Keras classifier that has a layer named `features`."""

    def __init__(self, classifier: keras.Model) -> None:
        features = classifier.get_layer("features").output
        self._network = keras.Model(classifier.input, [features, classifier.output])

    def __call__(self, tensor: FloatImage, class_index: int) -> FloatImage:
        """Give the map for the eye, float32 (n, h, w): `evidence` with negative values set to 0."""
        return np.maximum(self.evidence(tensor, class_index), np.float32(0))

    def evidence(self, tensor: FloatImage, class_index: int) -> FloatImage:
        """Give the signed map, float32 (n, h, w), of a batch (n, size, size, channels) in [0, 1].

        Channels are weighted by the spatial mean of the logit's gradient; nothing is cut off or scaled.
        A place's value is the share of the logit, less its bias, that comes from there: the one-pass class
        map divided by its number of places.
        """
        images = tf.convert_to_tensor(tensor)
        with tf.GradientTape() as tape:
            # The tape records from the input on, so the features are an inner node of one graph.
            tape.watch(images)
            features, logits = self._network(images, training=False)
            score = tf.reduce_sum(logits[:, class_index])
        gradient = tape.gradient(score, features)
        weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
        return np.asarray(tf.reduce_sum(weights * features, axis=-1), dtype=np.float32)
