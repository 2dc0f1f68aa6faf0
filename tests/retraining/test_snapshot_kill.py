"""kill -9 of the trainer in the middle of a data set: nothing half is seen, and the next one ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running_platform import ROOT, clean_environment

_BEGIN = """
import os, signal
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from apps.accounts.roles import Role
from apps.retraining.progress import Step
from apps.retraining.services import snapshot_build, snapshot_request
from tests.retraining.patients import actor_of, radiograph, read
for seed in range(3):
    read(radiograph("normal", seed=seed), "normal")
snapshot = snapshot_request(name="spring", actor=actor_of(Role.DATA_SCIENTIST), folds=2, enqueue=False)

def die(step: Step) -> None:
    if step.stage == "comparing" and step.done:
        os.kill(os.getpid(), signal.SIGKILL)

snapshot_build(snapshot_id=snapshot.pk, report=die)
"""

_GO_ON = """
import json
from datetime import timedelta
import django
django.setup()
from django.conf import settings
from django.utils import timezone
from apps.retraining.models import DatasetSnapshot
from apps.retraining.services import snapshot_build

def state():
    snapshot = DatasetSnapshot.objects.get()
    names = sorted(path.name for path in (settings.DATA_DIR / "datasets").iterdir())
    return {
        "status": snapshot.status,
        "sha256": snapshot.sha256,
        "images": snapshot.images.count(),
        "complete": [name for name in names if not name.startswith(".")],
        "begun": len([name for name in names if name.startswith(".")]),
    }

killed = state()
DatasetSnapshot.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
snapshot_build(snapshot_id=DatasetSnapshot.objects.get().pk)
print(json.dumps([killed, state()]))
"""


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(folder) | {
        "DJANGO_SETTINGS_MODULE": "cxrplatform.settings.base",
        "CXR_RESEARCH_CONSENT_DEFAULT": "1",
        "CXR_SPOOL_RESERVE_BYTES": "1048576",
    }
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.timeout(400)
def test_a_killed_trainer_leaves_nothing_half(tmp_path: Path) -> None:
    begun = run(_BEGIN, tmp_path)
    assert begun.returncode == -signal.SIGKILL, begun.stderr
    went_on = run(_GO_ON, tmp_path)
    assert went_on.returncode == 0, went_on.stderr
    killed, after = json.loads(went_on.stdout.splitlines()[-1])
    assert killed == {"status": "running", "sha256": "", "images": 0, "complete": [], "begun": 1}
    expected: dict[str, Any] = {"status": "completed", "images": 3, "complete": [after["sha256"]], "begun": 0}
    assert expected.items() <= after.items()
