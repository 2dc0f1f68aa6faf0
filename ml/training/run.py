"""Train a classifier and make a model version's folder of it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml.architectures import build
from ml.architectures.ensemble import check_unseen, join_members, read_members, shared_settings
from ml.architectures.initial_weights import InitialWeightsError, find_weights, load_weights
from ml.contracts import FloatImage, ModelSpec
from ml.datasets.augmentation import as_tensor
from ml.datasets.crops import LungNetwork
from ml.evaluation.calibration import (
    calibrated,
    conformal_quantiles,
    fit_temperature,
    operating_points,
)
from ml.evaluation.metrics import evaluation_report
from ml.graph import Graph
from ml.inference.golden import GOLDEN_INPUT, golden_prediction
from ml.model_folder import WEIGHTS_NAME, read_spec, write_spec
from ml.training.batches import TrainingBatches, TrainingImages
from ml.training.card import write_card
from ml.training.config import ProgressCallback, TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.dataset import Dataset, load_dataset
from ml.training.disk import explains_full_disk
from ml.training.export import export_classifier
from ml.training.fitness import fitness_thresholds
from ml.training.fitting import History, fit
from ml.training.gate import copy_gate, read_limits
from ml.training.history import write_history
from ml.training.lineage import lineage_record, settings_record
from ml.training.population import population
from ml.training.precision import dtype_policy
from ml.training.quantisation import export_reduced
from ml.training.state import run_state

LUNG_FILES = ("lungs.xml", "lungs.bin", "lungs.json")


@explains_full_disk
def train(config: TrainingConfig, *, progress: ProgressCallback) -> Path:
    """Train, calibrate, export and measure one model version; returns its folder, `config.out_dir`.

    The folder is assembled beside its place and moved there whole. Raises `TrainingConfigError`,
    `ManifestError` or `ExportParityError`, and leaves no folder then.
    """
    config.check()
    if config.weights is not None:
        config = replace(config, weights=find_weights(config.architecture, config.weights))
    members = read_members(config.members) if config.members else []
    if members:
        config = replace(config, **shared_settings(members))
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    lungs = LungNetwork(config.lungs)
    data = load_dataset(config, lungs, progress)
    check_unseen(members, manifests=data.manifest.sha256, settings=settings_record(config))
    with run_state(config, data) as checkpoint:
        classifier, history = fitted(config, data, checkpoint, progress) if not members else (None, [])
        partial = config.out_dir.with_name(config.out_dir.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            progress(TrainingProgress("exporting", 0, 1))
            if classifier is None:
                join_members(members, partial / "model.xml")
            else:
                export_classifier(classifier, partial)
                classifier.save_weights(partial / WEIGHTS_NAME)
            _assemble(config, data, lungs, partial, progress)
            lineage = lineage_record(
                config,
                manifest=data.manifest,
                sides={
                    "training": _population(config, data, data.split.training),
                    "calibration": _population(config, data, data.split.calibration),
                    "test": _population(config, data, data.split.test),
                },
                history=history,
                lungs=json.loads((config.lungs / "lungs.json").read_text()),
                wall_seconds=time.monotonic() - started,
            )
            _write_json(partial / "lineage.json", lineage)
            finish_folder(partial)
            if config.out_dir.exists():
                config.out_dir.rmdir()
            partial.rename(config.out_dir)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return config.out_dir


def finish_folder(folder: Path) -> None:
    """Write card, checklist, drawn history, golden prediction and all hashes of an otherwise complete folder.

    Safe to repeat, after a change to how cards are written, say; the version's digest changes with it.
    """
    write_card(folder)
    write_history(folder)
    (folder / GOLDEN_INPUT).unlink(missing_ok=True)
    spec = write_spec(folder, read_spec(folder))
    write_spec(folder, replace(spec, golden=golden_prediction(folder)))


def fitted(
    config: TrainingConfig, data: Dataset, checkpoint: Path, progress: ProgressCallback
) -> tuple[keras.Model, History]:
    """Train on the training side; returns the float32 network of the epoch that calibrates best.

    `checkpoint` is the folder of the run's state, from which an interrupted run goes on.
    """
    with dtype_policy(config.precision):
        network = _initial(config, progress)
    if config.epochs == 0:
        return _in_float32(config, _averaged(config, network.get_weights())), []
    where = data.split.training
    images = TrainingImages(
        data.crops.images[where],
        data.targets[where],
        np.array([data.rows[i].source for i in where], np.str_),
        data.crops.chests[where],
    )
    sampling = config.sampling(images=len(where))
    kept = data.split.calibration
    weights, history = fit(
        network,
        config,
        batches=lambda epoch: TrainingBatches(images, sampling, size=config.size_at(epoch), epoch=epoch),
        held_out=(as_tensor(data.crops.images[kept]), data.targets[kept]),
        checkpoint=checkpoint,
        progress=progress,
    )
    return _in_float32(config, _averaged(config, weights)), history


def _averaged(config: TrainingConfig, weights: list[FloatImage]) -> list[FloatImage]:
    """Give the mean of these weights and those of the version to average with, if there is one."""
    if config.average_with is None:
        return weights
    other = _built(config)
    other.load_weights(config.average_with / WEIGHTS_NAME)
    return [(first + second) / 2 for first, second in zip(weights, other.get_weights(), strict=True)]


def _check_alike(config: TrainingConfig, other: Path) -> None:
    spec = read_spec(other)
    if (spec.architecture, spec.input_size) != (config.architecture, config.input_size):
        raise TrainingConfigError(
            f"{other} is a {spec.architecture} of {spec.input_size} px; this run builds a "
            f"{config.architecture} of {config.input_size} px. Choose an equal one."
        )


def _in_float32(config: TrainingConfig, weights: list[FloatImage]) -> keras.Model:
    """Build the classifier at full size and precision with these weights."""
    classifier = _built(config)
    classifier.set_weights(weights)
    return classifier


def _built(config: TrainingConfig) -> keras.Model:
    return build(
        config.architecture,
        input_size=config.input_size,
        classes=len(config.classes),
        channels=config.preprocessing.channels,
    )


def _initial(config: TrainingConfig, progress: ProgressCallback) -> keras.Model:
    network = build(
        config.architecture,
        input_size=None,
        classes=len(config.classes),
        channels=config.preprocessing.channels,
    )
    weights = config.init / WEIGHTS_NAME if config.init else config.weights
    for other in (config.init, config.average_with):
        if other is not None:
            _check_alike(config, other)
    if weights is not None:
        try:
            loaded = load_weights(network, config.architecture, find_weights(config.architecture, weights))
        except InitialWeightsError as error:
            raise TrainingConfigError(str(error)) from error
        progress(TrainingProgress("layers with weights from the file", loaded.layers, loaded.of))
    if config.trainable_layers is not None:
        weighted = [layer for layer in network.layers if layer.weights]
        if not 1 <= config.trainable_layers <= len(weighted):
            raise TrainingConfigError(
                f"trainable_layers is {config.trainable_layers}; {config.architecture} has "
                f"{len(weighted)} layers with weights."
            )
        for layer in weighted[: -config.trainable_layers]:
            layer.trainable = False
    return network


def _assemble(
    config: TrainingConfig,
    data: Dataset,
    lungs: LungNetwork,
    folder: Path,
    progress: ProgressCallback,
) -> None:
    """Calibrate the exported graph on the calibration fold, measure it on the test fold, and reduce it."""
    for name in LUNG_FILES:
        shutil.copyfile(config.lungs / name, folder / name)
    copy_gate(config.lungs, folder)
    graph = Graph(folder / "model.xml")
    labels = tuple(config.classes)
    kept = data.split.calibration
    logits = graph(as_tensor(data.crops.images[kept]))["logits"]
    temperature = fit_temperature(logits, data.targets[kept])
    probabilities = calibrated(logits, temperature)
    spec = ModelSpec(
        name=config.name,
        architecture=config.architecture,
        labels=labels,
        classes={name: list(gathered) for name, gathered in config.classes.items()},
        input_size=config.input_size,
        preprocessing_version=config.preprocessing.version,
        preprocessing=config.preprocessing.to_json(),
        temperature=temperature,
        conformal_quantiles=conformal_quantiles(
            probabilities, data.targets[kept], labels, miscoverage=config.miscoverage
        ),
        operating_points=operating_points(probabilities, data.targets[kept], labels),
        fitness={**fitness_thresholds(data.crops, data.split.training), **read_limits(folder)},
    )
    write_spec(folder, spec)
    tested = data.split.test
    logits = graph(as_tensor(data.crops.images[tested]))["logits"]
    report = evaluation_report(
        calibrated(logits, temperature),
        data.targets[tested],
        spec=spec,
        rows=[data.rows[i] for i in tested],
    )
    _write_json(folder / "evaluation.json", report)
    if config.quantise:
        # Whether it may serve is a choice, so it is made on the fold that is there for choices.
        export_reduced(
            folder,
            calibration=data.crops.images[data.split.training],
            images=as_tensor(data.crops.images[kept]),
            targets=data.targets[kept],
            seed=config.seed,
        )
    progress(TrainingProgress("exporting", 1, 1, {"test_accuracy": report["accuracy"]}))


def _population(config: TrainingConfig, data: Dataset, where: NDArray[np.intp]) -> dict[str, Any]:
    names = list(config.classes)
    return population([data.rows[i] for i in where], [names[data.targets[i]] for i in where])


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
