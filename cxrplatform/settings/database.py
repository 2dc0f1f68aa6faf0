"""From `DATABASE_URL` to Django's `DATABASES` entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured


def database_from_url(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Read a database's address; none means SQLite in the data folder.

    SQLite runs in WAL with a full sync at commit, so that an acknowledged row survives a power cut,
    and takes the write lock when a transaction begins, so that two writers wait and do not fail.
    """
    if not url:
        url = f"sqlite:///{data_dir / 'db.sqlite3'}"
    try:
        # No kept connections: under ASGI a thread lives no longer than its request, and would leave its
        # connection to the garbage collector.
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0))
    except (ValueError, dj_database_url.ParseError) as error:
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read: expected sqlite:///PATH, postgres://… or mysql://…."
        ) from error
    engine = config["ENGINE"]
    if engine.endswith("sqlite3"):
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        config["TEST"] = {"NAME": None}
    elif engine.endswith("mysql"):
        import pymysql

        pymysql.install_as_MySQLdb()
        config.setdefault("OPTIONS", {}).update(charset="utf8mb4", isolation_level="read committed")
    return config
