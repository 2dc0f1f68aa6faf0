"""Reproduce a published protocol: one command, one result.

    python -m benchmarks.papers ozturk3 DATA/manifest.csv --cache CACHE [--leaky]
    python -m benchmarks.papers ozturk2 DATA/manifest.csv --cache CACHE [--leaky]
    python -m benchmarks.papers kermany3 DATA/manifest.csv --cache CACHE [--fold 0]

Writes `benchmarks/results/papers/NAME.json` and `NAME.md`. An interrupted run goes on after its last epoch
when it is started again with the same settings and `--cache`; folds that were finished are trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.papers.measuring import reproduce, result_name
from benchmarks.papers.page import as_markdown
from benchmarks.papers.published import PAPERS
from ml.architectures import CLASSIFIERS
from ml.datasets.manifest import ManifestError
from ml.training.batches import MIXINGS
from ml.training.config import TrainingConfig, TrainingConfigError

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "papers"
BUNDLED = ROOT / "ml" / "pretrained" / "cxr"
PATH_OPTIONS = ("lungs", "cache", "results")
"""Left out of the command that a result states: another machine has them elsewhere."""


def main(arguments: Sequence[str]) -> int:
    """Train, measure, and write the result; 2 for settings or images that cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    paper = PAPERS[options.paper]
    if options.leaky and not paper.image_level:
        parser.error(f"{paper.name} was published with patients apart; --leaky has no meaning there.")
    config = TrainingConfig(
        manifests=tuple(options.manifests),
        out_dir=Path(),  # nothing is kept but the result
        lungs=options.lungs,
        name=paper.name,
        architecture=options.architecture,
        input_size=options.input_size,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        balance=options.balance,
        mixing=options.mixing,
        seed=options.seed,
        cache_dir=options.cache,
    )
    try:
        result = reproduce(
            paper,
            config,
            leaky=options.leaky,
            test_folds=options.fold,
            progress=lambda step: print(step, file=sys.stderr, flush=True),
        )
    except (ManifestError, TrainingConfigError) as error:
        print(error, file=sys.stderr)
        return 2
    result = {**result, "command": _command(parser, options)}
    options.results.mkdir(parents=True, exist_ok=True)
    name = result_name(result)
    page = as_markdown(result)
    (options.results / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.results / f"{name}.md").write_text(page, encoding="utf-8")
    print(page, flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.papers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paper", choices=PAPERS)
    parser.add_argument("manifests", type=Path, nargs="+", metavar="MANIFEST")
    parser.add_argument("--leaky", action="store_true", help="folds of images, as published")
    parser.add_argument("--fold", type=int, action="append", help="measure this fold only; may be repeated")
    parser.add_argument("--architecture", choices=CLASSIFIERS, default=TrainingConfig.architecture)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--input-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--balance", type=float, default=TrainingConfig.balance)
    parser.add_argument("--mixing", choices=MIXINGS, default=TrainingConfig.mixing)
    parser.add_argument("--seed", type=int, default=TrainingConfig.seed)
    parser.add_argument("--lungs", type=Path, default=BUNDLED, help="folder with lungs.xml, .bin, .json")
    parser.add_argument("--cache", type=Path, help="keep prepared crops and unfinished runs here")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser


def _command(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    """Write the command again, with what differs from the defaults and without this machine's paths."""
    parts = ["python -m benchmarks.papers", options.paper, *(path.name for path in options.manifests)]
    for name, value in vars(options).items():
        if name in ("paper", "manifests", *PATH_OPTIONS) or value == parser.get_default(name):
            continue
        flag = f"--{name.replace('_', '-')}"
        parts += (
            [flag]
            if value is True
            else [f"{flag} {v}" for v in (value if isinstance(value, list) else [value])]
        )
    return " ".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
