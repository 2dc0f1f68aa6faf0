"""The result files that the goal table reads: a version's folder, its audit, what the benchmarks wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """Where the results lie. `digests` collects the SHA-256 of every file that was read, by its name."""

    version: Path
    audit_file: Path
    benchmarks: Path
    elsewhere_file: Path | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def of_version(self, name: str) -> Document | None:
        """Read a file of the version's folder; None where it is missing."""
        return self._read(self.version / name)

    def of_benchmark(self, name: str) -> Document | None:
        """Read `NAME.json` of the benchmarks' results; None where it is missing."""
        return self._read(self.benchmarks / f"{name}.json")

    def of_paper(self, *names: str) -> Document | None:
        """Read the first of these reproductions that is there."""
        found = (self.of_benchmark(f"papers/{name}") for name in names)
        return next((document for document in found if document is not None), None)

    @property
    def elsewhere(self) -> Document | None:
        """The version's evaluation on other hospitals' images."""
        return None if self.elsewhere_file is None else self._read(self.elsewhere_file)

    @property
    def audit(self) -> Document | None:
        """The version's audit; None as well where it is older than the version, and so another's."""
        document = self._read(self.audit_file)
        return None if self.audit_is_older else document

    @property
    def audit_is_older(self) -> bool:
        """Whether the audit was finished before the version was trained."""
        audited, trained = self._read(self.audit_file), self.of_version("lineage.json")
        if audited is None or trained is None:
            return False
        return datetime.fromisoformat(audited["finished_at"]) < datetime.fromisoformat(trained["finished_at"])

    @property
    def megabytes(self) -> float | None:
        """The size of the version's folder with everything learned; None where there is no folder."""
        if not self.version.is_dir():
            return None
        return sum(path.stat().st_size for path in self.version.iterdir()) / 1e6

    def _read(self, path: Path) -> Document | None:
        if not path.is_file():
            return None
        data = path.read_bytes()
        self.digests[path.name] = hashlib.sha256(data).hexdigest()
        document: Document = json.loads(data)
        return document


def figure_at(document: Document | None, *keys: str) -> Any:
    """Follow keys into a document; None where one of them is missing."""
    value: Any = document
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value
