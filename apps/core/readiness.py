"""Waiting for the platform from outside its web process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

_PATIENCE_SECONDS = 30.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask one that listens everywhere


async def wait_until_ready(*, host: str, port: int, say: Callable[[str], None]) -> None:
    """Ask `/readyz` until it answers 200; say every half minute what is missing."""
    loop = asyncio.get_running_loop()
    reminder = loop.time() + _PATIENCE_SECONDS
    while True:
        status, body = await _get_readyz(host=_EVERYWHERE.get(host, host), port=port)
        if status == 200:
            return
        if loop.time() > reminder:
            say(f"not ready yet: {body or 'the web process does not answer'}")
            reminder = loop.time() + _PATIENCE_SECONDS
        await asyncio.sleep(0.1)


async def _get_readyz(*, host: str, port: int) -> tuple[int, str]:
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).decode("utf-8", "replace").partition("\r\n\r\n")
            writer.close()
    except (OSError, TimeoutError):
        return 0, ""
    try:
        failures = json.loads(body).get("failures", {})
    except ValueError:
        failures = {}
    return int(head.split(" ", 2)[1] or 0), " ".join(failures.values())
