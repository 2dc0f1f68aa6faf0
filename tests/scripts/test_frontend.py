from __future__ import annotations

import pytest

from scripts.frontend import runs_vite


@pytest.mark.parametrize(
    ("version", "fit"),
    [
        ("v18.19.0", False),  # Debian 12's own
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.1", True),
        ("", False),  # none installed
    ],
)
def test_node_that_vite_runs_on(version: str, fit: bool) -> None:
    assert runs_vite(version) is fit
