from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.stamps import ROOT


def test_a_closed_network_is_said_and_does_not_fail(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "scripts.audit_requirements"],
        cwd=ROOT,
        env={**os.environ, "HTTPS_PROXY": nowhere, "https_proxy": nowhere, "XDG_CACHE_HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "base.txt: NOT AUDITED" in done.stdout
