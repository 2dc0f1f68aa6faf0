"""The published networks of `keras.applications`, by name, behind the contract of all classifiers.

Each takes grey or colour in [0, 1]: grey is repeated over three channels and brought to the range
that the family was published with, both inside the graph, so that ImageNet weights fit. The layers
are the application's own, laid flat: freezing the first ones means the same as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from ml.architectures.head import classifier_head

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue."""


@dataclass(frozen=True, slots=True)
class InputRange:
    """What a family multiplies each of three channels in [0, 1] by, and what it adds then."""

    scale: Sequence[float]
    offset: Sequence[float]


SYMMETRIC = InputRange(scale=(2.0, 2.0, 2.0), offset=(-1.0, -1.0, -1.0))
"""To [-1, 1]."""

STANDARDISED = InputRange(
    scale=[1 / deviation for deviation in _DEVIATION],
    offset=[-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)],
)
"""To mean 0 and deviation 1 over ImageNet."""

CENTRED = InputRange(scale=(255.0, 255.0, 255.0), offset=(-103.939, -116.779, -123.68))
"""To [0, 255] less ImageNet's means, in Caffe's order of channels: blue, green, red."""

STANDARDISED_255 = InputRange(
    scale=[255 * scale for scale in STANDARDISED.scale], offset=[255 * o for o in STANDARDISED.offset]
)
"""Standardised for a network whose first layer divides by 255 itself."""


@dataclass(frozen=True, slots=True)
class Application:
    """One published network.

    `smallest` is the least side in pixels that it can look at; `weights_file` is the name under which
    Keras keeps its ImageNet weights without the top.
    """

    make: Callable[..., keras.Model]
    input_range: InputRange
    smallest: int
    weights_file: str
    blue_first: bool = False

    def backbone(self, input_tensor: keras.KerasTensor | None = None) -> keras.Model:
        """Build the network without its top and with fresh weights, on a tensor or on its own input."""
        shape = (None, None, 3) if input_tensor is None else tuple(input_tensor.shape[1:])
        backbone: keras.Model = self.make(
            weights=None, include_top=False, input_shape=shape, input_tensor=input_tensor
        )
        return backbone


_NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"

APPLICATIONS = {
    "densenet121": Application(keras.applications.DenseNet121, STANDARDISED, 32, f"densenet121_{_NO_TOP}"),
    # Its own Normalization layer stays the identity. Filled from a file it would lose its statistics
    # whenever weights are copied as arrays, and it divides by the root of the deviation besides
    # (tensorflow/tensorflow#49930).
    "efficientnet_b0": Application(
        keras.applications.EfficientNetB0, STANDARDISED_255, 32, "efficientnetb0_notop.h5"
    ),
    "inception_resnet_v2": Application(
        keras.applications.InceptionResNetV2, SYMMETRIC, 75, f"inception_resnet_v2_{_NO_TOP}"
    ),
    "inception_v3": Application(keras.applications.InceptionV3, SYMMETRIC, 75, f"inception_v3_{_NO_TOP}"),
    "mobilenet_v2": Application(
        keras.applications.MobileNetV2,
        SYMMETRIC,
        32,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    "resnet50": Application(keras.applications.ResNet50, CENTRED, 32, f"resnet50_{_NO_TOP}", blue_first=True),
    "vgg16": Application(keras.applications.VGG16, CENTRED, 32, f"vgg16_{_NO_TOP}", blue_first=True),
}


def application(name: str, input_size: int | None, classes: int, channels: int) -> keras.Model:
    """Build the classifier: (size, size, channels), 1 or 3, in [0, 1] to logits."""
    published = APPLICATIONS[name]
    inputs = keras.Input((input_size, input_size, channels), name="image")
    x = inputs
    if channels == 1:
        x = layers.Concatenate()([x, x, x])
    elif published.blue_first:
        x = x[..., ::-1]
    x = layers.Rescaling(list(published.input_range.scale), offset=list(published.input_range.offset))(x)
    features = published.backbone(x).output
    return keras.Model(inputs, classifier_head(features, classes), name=name)
