"""The arithmetic of the chain: what of an event is sealed, with which key, over what came before."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from django.conf import settings

from apps.audit.models import AuditEvent

GENESIS = "0" * 64
"""What stands before the first seal."""


def seal_of(event: AuditEvent, *, key: bytes) -> str:
    """Return the HMAC-SHA256 (hex) over the previous seal and everything the event says.

    `event.sequence` and `event.previous_seal` must be set, and its values read back from the database:
    databases differ in how they keep a time or a JSON number.
    """
    content = [
        event.sequence,
        event.pk,
        event.at.isoformat(),
        event.action,
        event.outcome,
        event.actor,
        event.actor_role,
        event.source,
        event.object_type,
        event.object_id,
        event.detail,
    ]
    message = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, f"{event.previous_seal}\n{message}".encode(), hashlib.sha256).hexdigest()


def chain_key() -> bytes:
    """Return `CXR_AUDIT_KEY`, or the key in the data folder, made once (mode 0600).

    It is a key of its own: `CXR_SECRET_KEY` may be changed without breaking the chain, and whoever
    can write to the database still cannot forge a seal.
    """
    if settings.AUDIT_KEY:
        return str(settings.AUDIT_KEY).encode()
    path = audit_folder() / "key"
    if not path.is_file():
        _write_once(path, secrets.token_hex(32))
    return path.read_text(encoding="ascii").strip().encode()


def audit_folder() -> Path:
    """Return the folder beside the database that holds the chain's key and head; made when missing."""
    folder = settings.DATA_DIR / "audit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(folder)


def _write_once(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all; of several writers the first wins."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
