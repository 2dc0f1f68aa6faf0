"""The web and listener processes never load the heavy libraries: they would cost hundreds of megabytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_platform import ROOT, clean_environment

HEAVY = ("tensorflow", "keras", "openvino", "cv2", "scipy", "sklearn")

_PROGRAM = """
import json, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxrplatform.settings.base")
import django
django.setup()
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
from django.urls import get_resolver
get_resolver().url_patterns
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    "modules",
    [
        ["cxrplatform.asgi", "cxrplatform.urls", "apps.core.management.commands.run_web"],
        ["apps.gateway.management.commands.run_listener", "cxrplatform.celery"],
    ],
    ids=["web", "listener"],
)
def test_light_processes_stay_light(modules: list[str], tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *modules],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert set(json.loads(answer.stdout.splitlines()[-1])).isdisjoint(HEAVY)
