"""One loaded model version: fitness, preparation, one forward pass, decision, explanation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ml.contracts import FloatImage, ModelSpec, Prediction, Radiograph
from ml.explain.saliency import class_saliency
from ml.inference.decision import (
    abnormality,
    calibrated_probabilities,
    conformal_set,
    covid19_status,
    decided_label,
)
from ml.inference.fitness import check_greys, check_lungs
from ml.inference.graphs import CompiledGraph, ModelLoadError, Precision, chosen_precision
from ml.inference.views import FRONTAL_LIMIT, VIEW_GRAPH, VIEW_INPUT_SIZE, VIEWS, check_view, view_input
from ml.model_folder import ModelFolderError, check_folder, folder_digest, has_accepted_int8
from ml.preprocessing import (
    LUNG_INPUT_SIZE,
    Prepared,
    Preprocessing,
    PreprocessingError,
    equalise,
    lung_input,
    lung_mask,
)

DEFAULT_THREADS = 1


def load(
    folder: Path,
    *,
    precision: str = "auto",
    threads: int = DEFAULT_THREADS,
    operating_points: Mapping[str, float] | None = None,
    expected_sha256: str | None = None,
) -> OpenVinoClassifier:
    """Check every file of a model version's folder, compile its graphs, and answer once.

    `precision` is `auto`, `int8`, `bf16` or `f32`; `operating_points` replace the version's own, by finding.

    Raises `ModelFolderError` when the folder is not what it says, or not the version of
    `expected_sha256`; `ModelLoadError` when its graphs are not what this code serves.
    """
    spec = check_folder(folder)
    sha256 = folder_digest(folder)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ModelFolderError(
            f"{folder} holds version {sha256}, {expected_sha256} was expected; restore the model version."
        )
    try:
        preprocessing = Preprocessing.from_json(spec.preprocessing)
    except PreprocessingError as error:
        raise ModelLoadError(str(error)) from error
    _check_labels(spec, operating_points or {})
    chosen = chosen_precision(precision, int8_accepted=has_accepted_int8(folder, spec))
    classifier = OpenVinoClassifier(
        spec=spec,
        sha256=sha256,
        precision=chosen,
        operating_points={**spec.operating_points, **(operating_points or {})},
        preprocessing=preprocessing,
        lungs=_compiled(folder, "lungs", spec, chosen, threads, ("lungs",)),
        network=_compiled(
            folder,
            "model-int8" if chosen == "int8" else "model",
            spec,
            chosen,
            threads,
            ("logits", "class_maps"),
            ("embedding",),
        ),
        views=_compiled_views(folder, spec, threads),
    )
    classifier.warm_up()
    return classifier


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the networks gave for one image, before any decision."""

    lung_probabilities: FloatImage
    prepared: Prepared
    logits: FloatImage
    class_maps: FloatImage
    embedding: FloatImage | None
    """The globally averaged features; None for versions exported before graphs gave them."""


class _Stopwatch:
    """Milliseconds by name, summed where a name returns."""

    def __init__(self) -> None:
        self.milliseconds = dict.fromkeys(("preprocess", "infer", "explain"), 0.0)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.milliseconds[name] += (perf_counter() - started) * 1000


class OpenVinoClassifier:
    """A model version that can classify; satisfies `ml.contracts.Classifier`. Threads may share it."""

    def __init__(
        self,
        *,
        spec: ModelSpec,
        sha256: str,
        precision: Precision,
        operating_points: Mapping[str, float],
        preprocessing: Preprocessing,
        lungs: CompiledGraph,
        network: CompiledGraph,
        views: CompiledGraph | None,
    ) -> None:
        self.spec = spec
        self.sha256 = sha256
        self.precision = precision
        self.operating_points = dict(operating_points)
        self.preprocessing = preprocessing
        self._lungs = lungs
        self._network = network
        self._views = views

    def classify(self, radiograph: Radiograph) -> Prediction:
        """Check fitness, predict and explain one radiograph.

        Raises `RejectedInputError` when the image is not a usable frontal chest radiograph.
        """
        timed = _Stopwatch()
        evidence = self._evidence(radiograph, timed, gate=True)
        with timed("infer"):
            probabilities = self._probabilities(evidence)
            prediction_set = conformal_set(probabilities, self.spec.conformal_quantiles)
        height, width = radiograph.pixels.shape
        with timed("explain"):
            saliency = class_saliency(evidence.class_maps, self.spec.labels)
            mask = lung_mask(evidence.lung_probabilities)
            box = evidence.prepared.region.box(height, width)
        return Prediction(
            label=decided_label(prediction_set),
            probabilities=probabilities,
            prediction_set=prediction_set,
            operating_points=self.operating_points,
            abnormality=abnormality(probabilities, self.spec.classes),
            covid19_status=covid19_status(
                probabilities, prediction_set, self.operating_points, self.spec.classes
            ),
            warnings=radiograph.warnings,
            saliency=saliency,
            box=box,
            lung_mask=mask,
            preprocessing_version=self.preprocessing.version,
            timing_ms={name: round(value, 3) for name, value in timed.milliseconds.items()},
        )

    def probabilities(self, radiograph: Radiograph) -> dict[str, float]:
        """Return the calibrated probabilities without asking whether the image is fit for it."""
        return self._probabilities(self._evidence(radiograph, _Stopwatch(), gate=False))

    def check(self, radiograph: Radiograph) -> None:
        """Ask only whether the image is fit to be classified. Raises `RejectedInputError` as `classify`."""
        self._lung_probabilities(equalise(radiograph.pixels), gate=True)

    def warm_up(self) -> None:
        """Run every graph once, so that the first radiograph does not pay for their set-up.

        Raises `ModelLoadError` when the outputs do not have the shapes that the labels call for.
        """
        size, count = self.spec.input_size, len(self.spec.labels)
        lungs = self._lungs(np.zeros((1, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE, 1), np.float32))["lungs"]
        answers = self._network(np.zeros((1, size, size, self.preprocessing.channels), np.float32))
        logits, class_maps = answers["logits"], answers["class_maps"]
        if logits.shape != (1, count) or class_maps.ndim != 4 or class_maps.shape[3] != count:
            raise ModelLoadError(
                f"The graph gives logits {logits.shape} and class maps {class_maps.shape}, "
                f"{count} labels were expected"
            )
        if lungs.shape != (1, LUNG_INPUT_SIZE, LUNG_INPUT_SIZE, 1):
            raise ModelLoadError(f"The lung graph gives {lungs.shape}, one map of its input was expected")
        if self._views is not None:
            views = self._views(np.zeros((1, VIEW_INPUT_SIZE, VIEW_INPUT_SIZE, 1), np.float32))["views"]
            if views.shape != (1, len(VIEWS)):
                raise ModelLoadError(
                    f"The fitness graph gives {views.shape}, {len(VIEWS)} views were expected"
                )

    def _evidence(self, radiograph: Radiograph, timed: _Stopwatch, *, gate: bool) -> Evidence:
        with timed("preprocess"):
            equalised = equalise(radiograph.pixels)
            lung_probabilities = self._lung_probabilities(equalised, gate=gate)
            prepared = self.preprocessing.prepare(
                equalised, lung_probabilities, input_size=self.spec.input_size
            )
        with timed("infer"):
            answers = {name: values[0] for name, values in self._network(prepared.tensor).items()}
        return Evidence(
            lung_probabilities, prepared, answers["logits"], answers["class_maps"], answers.get("embedding")
        )

    def _lung_probabilities(self, equalised: FloatImage, *, gate: bool) -> FloatImage:
        """Find the lungs (h, w) of an equalised image; the gate stops it as soon as it is unfit."""
        tensor = lung_input(equalised)
        if gate:
            check_greys(equalised)
            if self._views is not None:
                check_view(self._views(view_input(tensor))["views"][0], self.spec.fitness[FRONTAL_LIMIT])
        lung_probabilities = self._lungs(tensor)["lungs"][0, :, :, 0]
        if gate:
            check_lungs(lung_probabilities, self.spec.fitness)
        return lung_probabilities

    def _probabilities(self, evidence: Evidence) -> dict[str, float]:
        return calibrated_probabilities(evidence.logits, self.spec.labels, temperature=self.spec.temperature)


def _compiled(
    folder: Path,
    stem: str,
    spec: ModelSpec,
    precision: Precision,
    threads: int,
    outputs: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> CompiledGraph:
    xml, weights = (_checked_bytes(folder, f"{stem}.{suffix}", spec) for suffix in ("xml", "bin"))
    return CompiledGraph(
        xml, weights, precision=precision, threads=threads, outputs=outputs, optional=optional
    )


def _compiled_views(folder: Path, spec: ModelSpec, threads: int) -> CompiledGraph | None:
    """Compile the view network in float32, or give None for a version made before there was one."""
    if f"{VIEW_GRAPH}.xml" not in spec.files:
        return None
    if FRONTAL_LIMIT not in spec.fitness:
        raise ModelLoadError(f"model.json has no {FRONTAL_LIMIT}, which {VIEW_GRAPH}.xml needs")
    return _compiled(folder, VIEW_GRAPH, spec, "f32", threads, ("views",))


def _checked_bytes(folder: Path, name: str, spec: ModelSpec) -> bytes:
    """Read a file and hash what was read: a file that changes after its check is noticed."""
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != spec.files.get(name):
        raise ModelFolderError(f"{folder}: {name} changed while it was read; restore the model version.")
    return data


def _check_labels(spec: ModelSpec, operating_points: Mapping[str, float]) -> None:
    for name, values in (
        ("conformal_quantiles", spec.conformal_quantiles),
        ("operating_points", spec.operating_points),
    ):
        missing = [label for label in spec.labels if label not in values]
        if missing:
            raise ModelLoadError(f"model.json has no {name} for {', '.join(missing)}")
    unknown = sorted(set(operating_points) - set(spec.labels))
    if unknown:
        raise ModelLoadError(
            f"Thresholds are set for {', '.join(unknown)}, which the version does not know; "
            f"its findings are {', '.join(spec.labels)}"
        )
    if not spec.temperature > 0:
        raise ModelLoadError(f"The temperature is {spec.temperature}, it must be positive")
