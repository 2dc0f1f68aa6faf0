"""Free ports, and ports that are not."""

from __future__ import annotations

import pytest

from apps.core.ports import PortTakenError, free_port, listening_socket


def test_port_zero_picks_a_free_one() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port
        with pytest.raises(PortTakenError, match=f"port {port}"):
            listening_socket("127.0.0.1", port)
        assert free_port("127.0.0.1") != port


def test_given_port_is_kept() -> None:
    port = free_port("127.0.0.1")
    assert free_port("127.0.0.1", port) == port
