r"""Build the bundled model.

    python -m ml.training lungs DATA/lungs --manifest DATA/manifest.csv --out LUNGS
    python -m ml.training classifier DATA/manifest.csv --lungs LUNGS --out FIRST --cache CACHE --epochs 15
    python -m ml.training classifier DATA/manifest.csv --lungs LUNGS --out ml/pretrained/cxr --cache CACHE \
        --init FIRST --epochs 14 --learning-rate 0.0015 --seed 21

The three together take about an hour on two busy cores. A different machine or package version gives
slightly different weights: `lineage.json` records both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from ml.evaluation.generalisation import GENERALISATION_NAME
from ml.model_folder import check_folder
from ml.training.batches import MIXINGS
from ml.training.config import TrainingConfig
from ml.training.protocols import generalisation
from ml.training.run import finish_folder, train
from ml.training.segmentation import SegmentationConfig, train_lungs

BUNDLED = Path(__file__).resolve().parent.parent / "pretrained" / "cxr"


def main() -> None:
    """Read the command line and train the lung network or a classifier."""
    parser = argparse.ArgumentParser(
        prog="python -m ml.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    lungs = commands.add_parser("lungs", help="train and export the lung U-Net")
    lungs.add_argument("folder", type=Path, help="NAME.jpg images with NAME.png masks")
    lungs.add_argument("--manifest", type=Path, required=True)
    lungs.add_argument("--out", type=Path, required=True)
    lungs.add_argument("--epochs", type=int, default=SegmentationConfig.epochs)
    classifier = commands.add_parser("classifier", help="make a model version's folder")
    classifier.add_argument("manifests", type=Path, nargs="+")
    classifier.add_argument("--lungs", type=Path, default=BUNDLED, help="folder with lungs.xml, .bin, .json")
    classifier.add_argument("--out", type=Path, default=BUNDLED)
    classifier.add_argument("--cache", type=Path, help="keep prepared crops here")
    classifier.add_argument("--init", type=Path, help="continue from this model version's folder")
    classifier.add_argument(
        "--average-with", type=Path, help="average the weights with this version's at the end"
    )
    classifier.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    classifier.add_argument("--epochs", type=int, default=TrainingConfig.epochs)
    _add_recipe(classifier)
    classifier.add_argument("--input-size", type=int, default=TrainingConfig.input_size)
    classifier.add_argument("--seed", type=int, default=TrainingConfig.seed)
    elsewhere = commands.add_parser("generalisation", help="train without each source, and measure there")
    elsewhere.add_argument("manifests", type=Path, nargs="+")
    elsewhere.add_argument("--version", type=Path, default=BUNDLED, help="the version's folder to write to")
    elsewhere.add_argument("--cache", type=Path, help="keep prepared crops and unfinished runs here")
    elsewhere.add_argument("--epochs", type=int, default=14)
    elsewhere.add_argument("--epoch-size", type=int, default=4000)
    elsewhere.add_argument("--input-size", type=int, default=96)
    _add_recipe(elsewhere)
    finish = commands.add_parser("finish", help="write card, golden prediction and hashes again")
    finish.add_argument("folder", type=Path, nargs="?", default=BUNDLED)
    options = parser.parse_args()
    if options.command == "finish":
        check_folder(options.folder)
        finish_folder(options.folder)
    elif options.command == "lungs":
        train_lungs(
            SegmentationConfig(options.folder, options.manifest, options.out, epochs=options.epochs),
            progress=lambda line: print(line, flush=True),
        )
    elif options.command == "generalisation":
        _measure_elsewhere(options)
    else:
        config = TrainingConfig(
            manifests=tuple(options.manifests),
            out_dir=options.out,
            lungs=options.lungs,
            cache_dir=options.cache,
            init=options.init,
            average_with=options.average_with,
            learning_rate=options.learning_rate,
            epochs=options.epochs,
            input_size=options.input_size,
            seed=options.seed,
            **_recipe(options),
        )
        print(train(config, progress=lambda step: print(step, flush=True)))


RECIPE = ("balance", "mixing", "surroundings", "without_lungs")
"""Settings of how images are drawn, blended and changed, which every kind of training takes."""


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mixing", choices=MIXINGS, default=TrainingConfig.mixing)
    for name in ("balance", "surroundings", "without_lungs"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, metavar="SHARE", default=getattr(TrainingConfig, name))


def _recipe(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RECIPE}


def _measure_elsewhere(options: argparse.Namespace) -> None:
    check_folder(options.version)
    with tempfile.TemporaryDirectory() as scratch:
        config = TrainingConfig(
            manifests=tuple(options.manifests),
            out_dir=Path(scratch) / "none",
            lungs=options.version,
            cache_dir=options.cache,
            epochs=options.epochs,
            epoch_size=options.epoch_size,
            input_size=options.input_size,
            progressive_resizing=False,
            **_recipe(options),
        )
        figures = generalisation(config, progress=lambda step: print(step, flush=True))
    (options.version / GENERALISATION_NAME).write_text(json.dumps(figures, indent=1) + "\n")
    finish_folder(options.version)


if __name__ == "__main__":
    main()
