"""Is a `.weights.h5` file nothing but arrays, as large as the file itself?

HDF5 can also point to other files, declare arrays of any size, and carry a model's configuration, in which
Keras keeps code. Look before a file of others is opened for training; needs h5py only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py

MAX_OBJECTS = 20_000
"""Groups and arrays; the largest network here has some 3,000."""
MAX_EXPANSION = 4
"""Of the arrays against the file: Keras stores them as they are."""
_CODE = {"model_config", "training_config"}
_NUMBERS = "biuf"


class WeightsFileError(Exception):
    """The file is more, or less, than a network's arrays; says what was found."""


def check_weights_file(path: Path) -> None:
    """Raise `WeightsFileError` unless the file holds plain arrays of numbers and nothing else.

    It is the C library that reads the file: call this in a process that may die.
    """
    limit = MAX_EXPANSION * path.stat().st_size + (1 << 20)
    total = 0
    try:
        with h5py.File(path, "r") as file:
            _check_attributes(path, file)
            for name, found in _objects(path, file):
                _check_attributes(path, found)
                if isinstance(found, h5py.Dataset):
                    _check_dataset(path, name, found)
                    total += found.nbytes
                if total > limit:
                    raise WeightsFileError(
                        f"{path.name}: its arrays declare more than {limit} bytes in a file of "
                        f"{path.stat().st_size}; expected arrays stored as they are."
                    )
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise WeightsFileError(f"{path.name} cannot be read as HDF5: {error}") from error


def _objects(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield everything below the root by its name, without following a link out of the file."""
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    places = {h5py.h5o.get_info(file.id).addr}
    while waiting:
        prefix, group = waiting.pop()
        for name in group:
            full = f"{prefix}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise WeightsFileError(f"{path.name}: {full} is a link; expected arrays in the file itself.")
            found = group[name]
            if (place := h5py.h5o.get_info(found.id).addr) in places:
                raise WeightsFileError(f"{path.name}: {full} is there under another name too.")
            places.add(place)
            if len(places) > MAX_OBJECTS:
                raise WeightsFileError(f"{path.name} holds more than {MAX_OBJECTS} objects.")
            yield full, found
            if isinstance(found, h5py.Group):
                waiting.append((full, found))


def _check_attributes(path: Path, found: h5py.Group | h5py.Dataset) -> None:
    if code := _CODE & set(found.attrs):
        raise WeightsFileError(
            f"{path.name} carries a model's configuration ({', '.join(sorted(code))}), in which layers may "
            "hold code; expected weights alone, as `save_weights` writes them."
        )


def _check_dataset(path: Path, name: str, found: h5py.Dataset) -> None:
    if found.dtype.kind not in _NUMBERS:
        raise WeightsFileError(f"{path.name}: {name} holds {found.dtype}, expected numbers.")
    if found.external or found.is_virtual:
        raise WeightsFileError(f"{path.name}: {name} keeps its numbers in another file.")
