"""Celery's filesystem transport, made safe for several processes on one machine.

kombu's own writes a message under its final name, so that a reader may take half of it, and either
moves messages through the system's temporary folder or keeps every one for ever. Here a message
appears by a rename, is taken by a rename (one of many readers wins) and is gone once read.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """A folder of messages, oldest first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.messages = Path(self._option(args, "data_folder_in"))
        self.taken = Path(self._option(args, "processed_folder"))
        for folder in (self.messages, self.taken, Path(self._option(args, "control_folder"))):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(*args, **kwargs)

    @staticmethod
    def _option(args: tuple[Any, ...], name: str) -> str:
        return str(args[0].client.transport_options[name])

    def _put(self, queue: str, message: Any, **_: Any) -> None:  # type: ignore[override]  # its own bases disagree
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        part = self.taken / name
        part.write_text(dumps(message), encoding="utf-8")
        part.rename(self.messages / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        suffix = f".{queue}.msg"
        for name in sorted(entry for entry in os.listdir(self.messages) if entry.endswith(suffix)):
            taken = self.taken / name
            try:
                (self.messages / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = taken.read_text(encoding="utf-8")
            taken.unlink()
            return loads(payload)
        raise Empty


class Transport(filesystem.Transport):
    """The transport behind `filesystem://`."""

    Channel = Channel
