"""Train the view network of the fitness gate, set its limit, and measure what it refuses.

    python -m ml.training.gate DATA/manifest.csv --out GATE --cross-fit --install ml/pretrained/cxr

Good radiographs of the training folds, and images made or drawn unfit (`ml.datasets.unfit`), teach it; good
radiographs of the calibration fold set the limit; the test fold measures it. Neither the lung network
nor a classifier is asked, so a fitted gate fits any version whose test fold is the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.manifest import Manifest, ManifestError, ManifestRow, read_manifest
from ml.datasets.split import assign_folds
from ml.datasets.view_examples import (
    ViewExamples,
    altered_examples,
    drawn_examples,
    good_examples,
    phantom_examples,
    real_unfit_examples,
    varied_examples,
    varied_unfit_examples,
)
from ml.evaluation.refusal import as_markdown, refusal_figures
from ml.graph import Graph
from ml.inference.views import FRONTAL_LIMIT, VIEW_GRAPH, VIEWS, View
from ml.model_folder import read_spec, write_spec
from ml.training.export import export_views
from ml.training.view_network import train_views

GATE_FILES = (f"{VIEW_GRAPH}.xml", f"{VIEW_GRAPH}.bin", f"{VIEW_GRAPH}.json")
"""The graph, and the record: settings, limits and figures."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class GateConfig:
    """What a gate is trained from and how; the counts are per fold.

    `good` of a fold's radiographs teach; all of them calibrate or measure.

    `folds` makes that many folds by group; without it the manifest's own are used. `calibration_fold` is by
    default the one after the test fold.
    """

    manifests: tuple[Path, ...]
    out: Path
    folds: int | None = None
    test_fold: int = 0
    calibration_fold: int | None = None
    good: int = 1200
    varied: int = 350
    altered: int = 880
    drawn_per_kind: int = 30
    phantoms_per_finding: int = 12
    unfit_variations: int = 10
    """Variations of every real unfit image."""
    epochs: int = 8
    good_refused: float = 0.005
    """Share of good calibration radiographs that greys and view network together may refuse."""
    seed: int = 31


@dataclass(frozen=True, slots=True)
class FoldExamples:
    """One fold's examples: `teaching` what is learned from, `measured` what tells the result.

    `rows` are the radiographs that the good ones among `measured` come from.
    """

    teaching: ViewExamples
    measured: ViewExamples
    rows: tuple[ManifestRow, ...]

    @property
    def good(self) -> ViewExamples:
        """The good radiographs as they are, in the order of `rows`."""
        return self.measured.subset(self.measured.views == VIEWS.index(View.FRONTAL))


def train_gate(config: GateConfig, *, cross_fit: bool = False, progress: Progress) -> dict[str, Any]:
    """Train, calibrate and measure a gate; writes `GATE_FILES` into `config.out` and returns the record.

    With `cross_fit`, gates for every other test fold are made as well and thrown away, so that every image
    is judged once by a gate that did not learn from its fold. Raises `ManifestError`, or
    `ml.training.export.ExportParityError`.
    """
    manifest = read_manifest(*config.manifests)
    folds = fold_examples(manifest, config, progress)
    names = sorted(folds)
    if config.test_fold not in names or len(names) < 3:
        raise ManifestError(
            f"The gate needs three folds and fold {config.test_fold} among them; there are {names}."
        )
    tests = [config.test_fold, *(name for name in names if cross_fit and name != config.test_fold)]
    judged: dict[int, NDArray[np.bool_]] = {}
    limits: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for test in tests:
            calibration = config.calibration_fold
            if calibration is None or test != config.test_fold:
                calibration = names[(names.index(test) + 1) % len(names)]
            teaching = [folds[name].teaching for name in names if name not in (test, calibration)]
            progress(f"training the view network without fold {test}")
            network = train_views(
                ViewExamples.concatenated(teaching), epochs=config.epochs, seed=config.seed, progress=progress
            )
            folder = Path(scratch) / str(test)
            export_views(network, folder)
            limits[test] = frontal_limit(folder, folds[calibration].good, config.good_refused)
            judged[test] = refused(folder, folds[test].measured, limits[test])
        config.out.mkdir(parents=True, exist_ok=True)
        for name in GATE_FILES[:2]:
            shutil.copyfile(Path(scratch) / str(config.test_fold) / name, config.out / name)
    record = {
        "limits": {FRONTAL_LIMIT: limits[config.test_fold]},
        "views": list(VIEWS),
        "settings": {
            name: value for name, value in asdict(config).items() if name not in ("manifests", "out")
        },
        "manifests": manifest.sha256,
        "held_out": _figures(folds, judged, [config.test_fold]),
    }
    if cross_fit:
        record["cross_fitted"] = _figures(folds, judged, tests)
    (config.out / GATE_FILES[2]).write_text(json.dumps(record, indent=1) + "\n")
    return record


def read_limits(folder: Path) -> Mapping[str, float]:
    """Give the limits of the gate in a folder, for `ModelSpec.fitness`; none where there is no gate."""
    path = folder / GATE_FILES[2]
    limits: Mapping[str, float] = json.loads(path.read_text())["limits"] if path.is_file() else {}
    return limits


def install_gate(gate: Path, folder: Path) -> None:
    """Copy a gate into a version's folder and put its limits into `model.json`.

    The version's card and golden prediction are the caller's to finish. Raises `ModelFolderError`.
    """
    spec = read_spec(folder)
    copy_gate(gate, folder)
    write_spec(folder, replace(spec, fitness={**spec.fitness, **read_limits(folder)}))


def copy_gate(source: Path, folder: Path) -> None:
    """Copy the gate of a folder into another, if it has one."""
    if (source / GATE_FILES[0]).is_file():
        for name in GATE_FILES:
            shutil.copyfile(source / name, folder / name)


def fold_examples(manifest: Manifest, config: GateConfig, progress: Progress) -> dict[int, FoldExamples]:
    """Make every fold's examples from its own images; drawn ones differ between folds by their seed."""
    rows, unfit = manifest.radiographs, manifest.out_of_distribution
    labels = sorted({row.label for row in rows})
    assigned = assign_folds(
        rows, [labels.index(row.label) for row in rows], folds=config.folds, seed=config.seed
    )
    folds: dict[int, FoldExamples] = {}
    for fold in sorted(set(assigned.tolist())):
        seed = config.seed + 1000 * fold
        mine = [rows[int(i)] for i in np.flatnonzero(assigned == fold)]
        chance = np.random.default_rng([seed, 0])

        def some(count: int, mine: Sequence[ManifestRow] = mine, chance: Any = chance) -> list[ManifestRow]:
            return [mine[int(i)] for i in chance.permutation(len(mine))[:count]]

        good = good_examples(mine)
        own_unfit = [row for row in unfit if row.fold == fold]
        made = ViewExamples.concatenated(
            [
                altered_examples(some(config.altered), seed=seed),
                drawn_examples(config.drawn_per_kind, seed=seed),
            ]
        )
        learned = [
            good.subset(chance.permutation(len(mine))[: config.good]),
            varied_examples(some(config.varied), seed=seed),
            phantom_examples(config.phantoms_per_finding, seed=seed),
            varied_unfit_examples(own_unfit, config.unfit_variations, seed=seed),
        ]
        folds[fold] = FoldExamples(
            teaching=ViewExamples.concatenated([made, *learned]),
            measured=ViewExamples.concatenated([good, made, real_unfit_examples(own_unfit)]),
            rows=tuple(mine),
        )
        progress(f"fold {fold}: {len(folds[fold].teaching.views)} images for the fitness gate")
    return folds


def frontal_probabilities(folder: Path, examples: ViewExamples) -> FloatImage:
    """Give each example's probability (n,) of being frontal, by the exported network."""
    inputs = examples.inputs.astype(np.float32)[..., np.newaxis] / np.float32(255)
    return np.asarray(Graph(folder / GATE_FILES[0])(inputs)["views"][:, VIEWS.index(View.FRONTAL)])


def frontal_limit(folder: Path, good: ViewExamples, share: float) -> float:
    """Give the limit below which that share of good examples lies, those refused by their greys included."""
    values = np.where(good.grey_refused, 0.0, frontal_probabilities(folder, good))
    return round(float(np.quantile(values, share)), 6)


def refused(folder: Path, examples: ViewExamples, limit: float) -> NDArray[np.bool_]:
    """Tell which examples (n,) greys or view network refuse."""
    return np.asarray(examples.grey_refused | (frontal_probabilities(folder, examples) < limit))


def _figures(
    folds: Mapping[int, FoldExamples], judged: Mapping[int, NDArray[np.bool_]], tests: Sequence[int]
) -> dict[str, Any]:
    examples = ViewExamples.concatenated([folds[test].measured for test in tests])
    rows = [row for test in tests for row in folds[test].rows]
    return refusal_figures(np.concatenate([judged[test] for test in tests]), examples, rows)


def main() -> None:
    """Read the command line, train a gate, print what it refuses."""
    parser = argparse.ArgumentParser(prog="python -m ml.training.gate", description="Train a fitness gate")
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="folder for the gate's files")
    parser.add_argument("--install", type=Path, help="put it into this version's folder, too")
    parser.add_argument("--cross-fit", action="store_true", help="measure on every fold, by five gates")
    parser.add_argument("--test-fold", type=int, default=GateConfig.test_fold)
    parser.add_argument("--epochs", type=int, default=GateConfig.epochs)
    parser.add_argument("--seed", type=int, default=GateConfig.seed)
    options = parser.parse_args()
    config = GateConfig(
        manifests=tuple(options.manifests),
        out=options.out,
        test_fold=options.test_fold,
        epochs=options.epochs,
        seed=options.seed,
    )

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    record = train_gate(config, cross_fit=options.cross_fit, progress=say)
    say(as_markdown(record["cross_fitted" if options.cross_fit else "held_out"]))
    if options.install:
        install_gate(options.out, options.install)


if __name__ == "__main__":
    main()
