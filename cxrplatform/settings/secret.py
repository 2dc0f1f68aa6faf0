"""The signing key: from the environment, else made once and kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cxrplatform.settings import env


def secret_key(data_dir: Path) -> str:
    """Return `CXR_SECRET_KEY`, or the key in the data folder, made (mode 0600) when missing.

    Commands that must not write (`predict` without a database) get a key that lives as long as
    the process when the data folder does not exist yet.
    """
    if key := env.text("CXR_SECRET_KEY"):
        return key
    path = data_dir / "secret_key"
    if path.is_file():
        return path.read_text(encoding="ascii").strip()
    key = secrets.token_urlsafe(64)
    if not data_dir.is_dir():
        return key
    temporary = path.with_name(f".secret_key.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # the first process wins; the others read what it wrote
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text(encoding="ascii").strip()
