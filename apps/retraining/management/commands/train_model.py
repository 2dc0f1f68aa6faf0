"""`train_model --manifest CSV… --architecture NAME`: train, measure and register a candidate."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.retraining.management.terminal import progress_shown
from apps.retraining.requests import TrainingRequest
from apps.retraining.services import candidate_train


def _class(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, labels = text.partition("=")
    if not name or not all(labels.split("+")):
        raise ArgumentTypeError(f"{text!r}: expected NAME=label+label, for example positive=covid19")
    return name, tuple(labels.split("+"))


def _class_weight(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        return name, float(weight)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: expected NAME=WEIGHT, for example covid19=2") from None


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Train a candidate, measure it on the test fold and register it; prints its version last."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--manifest", nargs="+", type=Path, required=True, metavar="CSV")
        parser.add_argument(
            "--architecture", required=True, metavar="NAME", help="compact_resnet, densenet121, ensemble, …"
        )
        parser.add_argument(
            "--init", metavar="MODEL", help="continue from a registered version, such as cxr:1"
        )
        parser.add_argument(
            "--weights",
            type=Path,
            metavar="PATH|imagenet",
            help="start from a .weights.h5 or published .h5 file",
        )
        parser.add_argument(
            "--members",
            nargs="+",
            metavar="MODEL",
            help="the registered versions of an ensemble: cxr:1 cxr:2",
        )
        parser.add_argument("--classes", nargs="+", type=_class, metavar="NAME=label+label")
        parser.add_argument("--epochs", type=int)
        parser.add_argument("--batch-size", type=int)
        parser.add_argument("--input-size", type=int, metavar="PIXELS", help="side of the network's images")
        parser.add_argument(
            "--preprocessing",
            metavar="STEPS",
            help='in order, such as "blur(sigma=0.7), window" or "clahe(clip_limit=3, tiles=8)"',
        )
        parser.add_argument("--crop", help="squeeze, square or whole")
        parser.add_argument("--mixing", help="none, mixup or same_finding")
        parser.add_argument(
            "--balance", type=float, help="0: images alike; 1: every source and finding alike"
        )
        parser.add_argument(
            "--surroundings", type=float, help="share of images shown in another image's surroundings, 0 to 1"
        )
        parser.add_argument(
            "--without-lungs", type=float, help="share of images shown without lungs and without a finding"
        )
        parser.add_argument(
            "--int8", action=BooleanOptionalAction, help="make the INT8 graph too (minutes; the default)"
        )
        parser.add_argument("--patience", type=int, help="end after so many epochs without a better one")
        parser.add_argument("--learning-rate", type=float)
        parser.add_argument("--optimizer", help="adamw, adam or sgd")
        parser.add_argument("--class-weights", nargs="+", type=_class_weight, metavar="NAME=WEIGHT")
        parser.add_argument("--trainable-layers", type=int, help="train only the last so many layers")
        parser.add_argument("--folds", type=int, help="make so many folds instead of the manifest's own")
        parser.add_argument("--test-fold", type=int, help="the fold to measure on; 0 by default")
        parser.add_argument("--seed", type=int)
        parser.add_argument(
            "--cross-validate", action="store_true", help="also train once per fold, to tell how figures vary"
        )
        parser.add_argument("--by", metavar="EMAIL", help="who asks for it; kept with the version")

    def handle(self, *, manifest: list[Path], by: str | None, **options: Any) -> None:
        request = TrainingRequest(
            manifests=tuple(path.resolve() for path in manifest),
            architecture=options["architecture"],
            init=options["init"],
            weights=options["weights"],
            members=tuple(options["members"] or ()),
            classes=dict(options["classes"]) if options["classes"] else None,
            epochs=options["epochs"],
            batch_size=options["batch_size"],
            input_size=options["input_size"],
            preprocessing=options["preprocessing"],
            crop=options["crop"],
            mixing=options["mixing"],
            balance=options["balance"],
            surroundings=options["surroundings"],
            without_lungs=options["without_lungs"],
            patience=options["patience"],
            quantise=options["int8"],
            learning_rate=options["learning_rate"],
            optimizer=options["optimizer"],
            class_weights=dict(options["class_weights"] or ()),
            trainable_layers=options["trainable_layers"],
            folds=options["folds"],
            test_fold=options["test_fold"],
            seed=options["seed"],
            cross_validate=options["cross_validate"],
        )
        users = get_user_model()
        try:
            actor = (
                Actor.of_user(users.objects.get(email=by.lower()), source="command line")
                if by
                else Actor.system("train_model")
            )
            with progress_shown(self.stderr) as report:
                version = candidate_train(request=request, actor=actor, report=report)
        except users.DoesNotExist:
            raise CommandError(f"No user has the address {by}.") from None
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(version))
