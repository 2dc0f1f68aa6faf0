"""From pixels to tensors: one implementation for training and serving.

The order is equalise, find the lungs, crop to them, then the version's steps. Sources differ in
resolution, borders, markers and grey scale; a network that sees those differences learns the source
instead of the disease (DeGrave 2021, Zech 2018), so they are removed before it looks.

>>> equalised = equalise(radiograph.pixels)                               # doctest: +SKIP
>>> probabilities = lungs(lung_input(equalised))[0, :, :, 0]              # doctest: +SKIP
>>> prepared = DEFAULT_PREPROCESSING.prepare(equalised, probabilities, input_size=160)  # doctest: +SKIP
"""

from ml.preprocessing.chain import (
    CROPS,
    DEFAULT_PREPROCESSING,
    PREPROCESSING_VERSION,
    Prepared,
    Preprocessing,
    PreprocessingError,
)
from ml.preprocessing.geometry import WHOLE_IMAGE, Region
from ml.preprocessing.lungs import (
    EQUALISED_LONG_SIDE,
    LUNG_INPUT_SIZE,
    LUNG_MEASUREMENTS,
    MASK_THRESHOLD,
    equalise,
    lung_input,
    lung_mask,
    lung_measurements,
    lung_region,
)
from ml.preprocessing.steps import STEPS, Chest

__all__ = [
    "CROPS",
    "DEFAULT_PREPROCESSING",
    "EQUALISED_LONG_SIDE",
    "LUNG_INPUT_SIZE",
    "LUNG_MEASUREMENTS",
    "MASK_THRESHOLD",
    "PREPROCESSING_VERSION",
    "STEPS",
    "WHOLE_IMAGE",
    "Chest",
    "Prepared",
    "Preprocessing",
    "PreprocessingError",
    "Region",
    "equalise",
    "lung_input",
    "lung_mask",
    "lung_measurements",
    "lung_region",
]
