"""`export_model MODEL --out PATH [--format archive|mlflow]`: a version as a file or a run."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.access import Actor
from apps.core.errors import PlatformError
from apps.registry.selectors import version_from_reference
from apps.registry.services import version_export, version_export_mlflow


class Command(BaseCommand):
    """Parse, call the service, answer."""

    help = "Write a model version as one archive for `import_model`, or as a run in a folder of MLflow's."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="for example cxr:3 or cxr@champion")
        parser.add_argument(
            "--out", required=True, type=Path, metavar="PATH", help="the file, or for MLflow the folder"
        )
        parser.add_argument("--format", choices=["archive", "mlflow"], default="archive")

    def handle(self, *, model: str, out: Path, format: str, **options: Any) -> None:
        actor = Actor.system("command line")
        try:
            version = version_from_reference(model)
            if format == "mlflow":
                run = version_export_mlflow(version=version, folder=out, actor=actor)
                self.stdout.write(f"{version} is the run {run.name} in {out}.")
                return
            with out.open("xb") as target:
                try:
                    version_export(version=version, target=target, actor=actor)
                except BaseException:
                    out.unlink()
                    raise
        except FileExistsError as error:
            raise CommandError(
                f"{error.filename} exists; nothing is overwritten. Choose another path."
            ) from error
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        except PlatformError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{version} is in {out}, {out.stat().st_size:,} bytes.")
