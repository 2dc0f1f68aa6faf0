"""Train anew to learn what a recipe is worth: with a source left out, within a source, fold by fold.

    python -m ml.training generalisation DATA/manifest.csv --lungs LUNGS --cache CACHE --out VERSION

Every network is trained as `ml.training.run` trains one, and measured in Keras; none is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from ml.contracts import Finding
from ml.datasets.crops import LungNetwork
from ml.datasets.split import Split, assign_folds
from ml.evaluation.calibration import Targets
from ml.evaluation.ranking import ranking
from ml.evaluation.resampling import PatientResamples, rounded
from ml.training.config import ProgressCallback, TrainingConfig, TrainingConfigError, TrainingProgress
from ml.training.controls import controls
from ml.training.dataset import Dataset, load_dataset
from ml.training.trial import Measured, named, trained

MIN_IMAGES = 20
"""A source needs so many images of a finding to be left out, and so many in all to be looked into."""


def generalisation(
    config: TrainingConfig, *, left_out: Sequence[str] | None = None, progress: ProgressCallback
) -> dict[str, Any]:
    """Measure a recipe with each source left out in turn, and within each source.

    `left_out` names the sources to leave out; by default all that hold COVID-19. One that holds nothing
    else tells a sensitivity only. A group that a source shares with another is left out of training with
    it. Within a source the networks of the manifest's test fold answer: one training on all sources,
    figures on one source at a time, where recognising the source cannot help. Two controls are trained
    too (`ml.training.controls`). Raises `TrainingConfigError` when there is no source to leave out.
    """
    keras.utils.set_random_seed(config.seed)
    data = load_dataset(config, LungNetwork(config.lungs), progress)
    sources = np.array([row.source for row in data.rows])
    labels = np.array([row.label for row in data.rows])
    if left_out is None:
        left_out = [name for name in np.unique(sources).tolist() if _has_covid19(labels[sources == name])]
    unknown = sorted(set(left_out) - set(sources.tolist()))
    if unknown or not left_out:
        raise TrainingConfigError(
            f"No source to leave out: {', '.join(unknown) or 'none holds COVID-19'}. "
            f"The manifest has {', '.join(sorted(set(sources.tolist())))}."
        )
    outside: dict[str, Any] = {}
    for name in left_out:
        part = replace(data, split=_without(config, data, sources == name))
        figures = _figures(config, trained(config, part, named(progress, f"without {name}")))
        outside[name] = figures
        shown = {key: figures[key] for key in ("covid19_auroc", "accuracy") if figures[key] is not None}
        progress(TrainingProgress(f"measured on {name}", len(outside), len(left_out), shown))
    same = trained(config, data, named(progress, "all sources"))
    within = {
        name: _figures(config, _only(same, name))
        for name in np.unique(sources).tolist()
        if sum(row.source == name for row in same.rows) >= MIN_IMAGES
    }
    return {
        "leave_one_source_out": outside,
        "within_source": within,
        "same_sources": _figures(config, same),
        **controls(config, data, progress),
        "mean_covid19_auroc": _mean(figures["covid19_auroc"] for figures in outside.values()),
        "mean_macro_f1": _mean(figures["macro_f1"] for figures in outside.values()),
        "protocol": protocol(config),
    }


def protocol(config: TrainingConfig) -> str:
    """Say how `generalisation` trains and measures: the recipe need not be a version's own."""
    return (
        f"{config.architecture}, {config.input_size} px, {config.epochs} epochs of "
        f"{config.epoch_size or 'all'} images, balance {config.balance:g}, mixing {config.mixing}, "
        f"other surroundings {config.surroundings:g}, without lungs {config.without_lungs:g}, "
        f"seed {config.seed}, trained anew without each source. "
        f"The manifest's test fold {config.test_fold} and calibration fold do not train; all images of "
        "the source left out are measured, their patients' images elsewhere are not used."
    )


def cross_validation(
    config: TrainingConfig,
    *,
    test_folds: Sequence[int] | None = None,
    calibration_parts: int | None = None,
    progress: ProgressCallback,
) -> dict[int, Measured]:
    """Train once per fold and measure each network on its fold: every image once, by a network new to it.

    Gives what was measured by fold; `pooled` puts it together. `test_folds` asks for some folds only. Of
    what is not tested, one of `calibration_parts` parts, by group, chooses the epoch and calibrates; by
    default the fold after the tested one does, which leaves a small data set less to train on. Raises
    `TrainingConfigError` for a fold that is not there.
    """
    keras.utils.set_random_seed(config.seed)
    data = load_dataset(config, LungNetwork(config.lungs), progress)
    folds = assign_folds(data.rows, data.targets.tolist(), folds=config.folds, seed=config.seed)
    known = sorted(set(folds.tolist()))
    chosen = known if test_folds is None else sorted(set(test_folds))
    if not set(chosen) <= set(known):
        raise TrainingConfigError(f"Asked for the folds {chosen}; there are {known}.")
    parts = {}
    for test in chosen:
        if calibration_parts is None:
            kept = folds == known[(known.index(test) + 1) % len(known)]
        else:
            kept = _part_of(config, data, folds != test, calibration_parts)
        split = Split(
            training=np.flatnonzero((folds != test) & ~kept),
            calibration=np.flatnonzero(kept),
            test=np.flatnonzero(folds == test),
        )
        parts[test] = trained(config, replace(data, split=split), named(progress, f"fold {test}"))
    return parts


def _part_of(
    config: TrainingConfig, data: Dataset, available: NDArray[np.bool_], parts: int
) -> NDArray[np.bool_]:
    """Choose one of so many parts of the available images, by group and balanced by class."""
    where = np.flatnonzero(available)
    rows = [data.rows[i] for i in where]
    assigned = assign_folds(rows, data.targets[where].tolist(), folds=parts, seed=config.seed)
    chosen = np.zeros(len(data.rows), np.bool_)
    chosen[where[assigned == 0]] = True
    return chosen


def _without(config: TrainingConfig, data: Dataset, held_out: NDArray[np.bool_]) -> Split:
    """Keep the manifest's sides, but test on a source and take its groups out of the others."""
    groups = np.array([row.group for row in data.rows])
    seen = np.isin(groups, groups[held_out])
    training, calibration = (where[~seen[where]] for where in (data.split.training, data.split.calibration))
    missing = set(range(len(config.classes))) - set(data.targets[training].tolist())
    if missing:
        names = ", ".join(list(config.classes)[k] for k in sorted(missing))
        raise TrainingConfigError(
            f"Without this source no image of {names} is left to train on; name other sources to leave out."
        )
    return Split(training=training, calibration=calibration, test=np.flatnonzero(held_out))


def _only(measured: Measured, source: str) -> Measured:
    chosen = np.array([row.source == source for row in measured.rows])
    rows = tuple(row for row in measured.rows if row.source == source)
    return Measured(measured.probabilities[chosen], measured.targets[chosen], rows)


def _figures(config: TrainingConfig, measured: Measured) -> dict[str, Any]:
    """Give `n`, accuracy, and for COVID-19 its AUROC with a patient interval, sensitivity and macro F1.

    The F1 is that of normal, COVID-19 and everything else, over those that are there.
    """
    labels = list(config.classes)
    predicted = measured.probabilities.argmax(axis=1)
    figures: dict[str, Any] = {
        "n": len(measured.rows),
        "accuracy": rounded(float((predicted == measured.targets).mean())),
        "covid19_auroc": None,
        "interval": None,
        "sensitivity": None,
        "macro_f1": None,
        "abnormal_auroc": None,
    }
    resamples = PatientResamples([row.group for row in measured.rows], seed=config.seed)
    if Finding.NORMAL in labels:
        normal = labels.index(Finding.NORMAL)
        ranked = ranking(resamples, measured.targets != normal, 1 - measured.probabilities[:, normal])
        figures["abnormal_auroc"] = ranked.auroc.value
    if Finding.COVID19 in labels:
        covid = labels.index(Finding.COVID19)
        truth = measured.targets == covid
        ranked = ranking(resamples, truth, measured.probabilities[:, covid])
        figures |= {"covid19_auroc": ranked.auroc.value, "interval": ranked.auroc.interval}
        if truth.any():
            figures["sensitivity"] = rounded(float((predicted[truth] == covid).mean()))
        three = [_three(labels, values) for values in (measured.targets, predicted)]
        if len(present := np.unique(three[0])) > 1:
            figures["macro_f1"] = rounded(f1_score(*three, labels=present, average="macro"))
    return figures


def _three(labels: Sequence[str], values: Targets) -> NDArray[np.intp]:
    """Map class numbers to 0 normal, 1 COVID-19, 2 anything else."""
    known = {str(Finding.NORMAL): 0, str(Finding.COVID19): 1}
    coarse = [known.get(label, 2) for label in labels]
    return np.array(coarse, np.intp)[values]


def _has_covid19(labels: NDArray[np.str_]) -> bool:
    return int((labels == Finding.COVID19).sum()) >= MIN_IMAGES


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(float(np.mean(known))) if known else None
