"""The registry's door into `ml`: is a folder the version it says it is, and does it answer as it did?"""

from __future__ import annotations

import json
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from apps.core.errors import PermanentError
from ml.contracts import ModelSpec
from ml.model_folder import SPEC_NAME, ModelFolderError, check_folder, folder_digest, read_spec

MAX_SPEC_BYTES = 1 << 20
MAX_FOLDER_BYTES = 2 << 30
GOLDEN_SECONDS = 60.0
GOLDEN_MEMORY_BYTES = 4 << 30
"""Of address space: OpenVINO reserves far more than it touches."""

ARCHITECTURES = frozenset(
    {
        "compact_resnet",
        "multi_kernel_cnn",
        "densenet121",
        "efficientnet_b0",
        "inception_resnet_v2",
        "inception_v3",
        "mobilenet_v2",
        "resnet50",
        "vgg16",
        "ensemble",
    }
)
"""The names that `ml.architectures` builds networks by, kept here because that module brings Keras."""


class ModelVersionError(PermanentError):
    """The folder cannot become, or no longer is, a model version that may serve."""


@dataclass(frozen=True, slots=True)
class CheckedFolder:
    """What a folder holds, once every size and SHA-256 in it agreed."""

    path: Path
    sha256: str
    spec: ModelSpec
    files: tuple[str, ...]
    """Names of all files of the version, `model.json` included."""

    def document(self, name: str) -> dict[str, Any]:
        """Read one of the folder's JSON documents; empty when the version has none of that name."""
        return dict(json.loads(self.text(name))) if name in self.files else {}

    def text(self, name: str) -> str:
        """Read one of the folder's texts; empty when the version has none of that name."""
        return (self.path / name).read_text(encoding="utf-8") if name in self.files else ""


def folder_check(folder: Path, *, expected_sha256: str = "") -> CheckedFolder:
    """Check sizes, names and every SHA-256 of a model folder before anything in it is opened as a model.

    Light enough for any process. Raises `ModelVersionError` when a file is missing, changed, too large,
    a link or a folder, is named outside the folder, or when the folder's digest is not the expected one.
    """
    _check_sizes(folder)
    try:
        spec = read_spec(folder)
        if not isinstance(spec.files, dict):
            raise ModelVersionError(f"{folder}: {SPEC_NAME} does not list its files with their SHA-256.")
        if outside := [name for name in spec.files if Path(name).name != name]:
            raise ModelVersionError(f"{folder}: {SPEC_NAME} names files outside the folder: {outside}.")
        check_folder(folder)
        sha256 = folder_digest(folder)
    except ModelFolderError as error:
        raise ModelVersionError(str(error)) from error
    if expected_sha256 and sha256 != expected_sha256:
        raise ModelVersionError(
            f"The model in {folder} has SHA-256 {sha256}, the registry expects {expected_sha256}; "
            "restore the folder from a backup."
        )
    return CheckedFolder(folder, sha256, spec, tuple(sorted([*spec.files, SPEC_NAME])))


def golden_check(checked: CheckedFolder, *, precision: str) -> None:
    """Let the graph answer its golden input in a limited, killable process and compare the answers.

    `precision` is the one that the version will serve in. The child also refuses a version made for
    another preprocessing than this release has. Raises `ModelVersionError` when the answer is not the one
    recorded at export, or the graph cannot be run within its limits.
    """
    if reason := _answer_in_child(_answer_golden, str(checked.path), precision):
        raise ModelVersionError(
            f"The model in {checked.path} does not give its golden prediction ({reason}); "
            "it may not serve. Export it again."
        )


def weights_check(checked: CheckedFolder) -> None:
    """Look, in a limited and killable process, whether the weights files hold arrays and nothing else.

    Serving never opens them, but a training that starts from the version does. Raises `ModelVersionError`.
    """
    for name in checked.files:
        if name.endswith(".h5") and (reason := _answer_in_child(_look_at_weights, str(checked.path / name))):
            raise ModelVersionError(f"{name} may not be kept: {reason}")


def _answer_in_child(work: Callable[..., None], *arguments: str) -> str:
    """Do the work in a process of its own, limited and killable; say why it failed, or nothing."""
    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=1, context=context, initializer=_limit_child) as pool:
        future = pool.schedule(work, args=list(arguments), timeout=GOLDEN_SECONDS)
        try:
            future.result()
        except FutureTimeoutError:
            return f"it took more than {GOLDEN_SECONDS:.0f} s"
        except ProcessExpired as error:
            return f"its process ended with exit code {error.exitcode}"
        except Exception as error:  # noqa: BLE001 - whatever a stranger's file raises refuses it
            return f"{type(error).__name__}: {error}"
    return ""


def _check_sizes(folder: Path) -> None:
    """Refuse what must not even be hashed: links, folders in the folder, and sizes no model has."""
    spec = folder / SPEC_NAME
    if not spec.is_file():
        raise ModelVersionError(f"{folder} holds no {SPEC_NAME}: expected the folder of a model version.")
    if spec.stat().st_size > MAX_SPEC_BYTES:
        raise ModelVersionError(f"{spec} is larger than {MAX_SPEC_BYTES} bytes.")
    total = 0
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise ModelVersionError(f"{path} is not a plain file: a model version holds nothing else.")
        total += path.stat().st_size
    if total > MAX_FOLDER_BYTES:
        raise ModelVersionError(f"{folder} holds {total} bytes; at most {MAX_FOLDER_BYTES} are accepted.")


def _limit_child() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GOLDEN_MEMORY_BYTES, GOLDEN_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer_golden(folder: str, precision: str) -> None:
    from ml import inference

    inference.golden_check(Path(folder), precision=precision)


def _look_at_weights(path: str) -> None:
    from ml.weights_file import check_weights_file

    check_weights_file(Path(path))
