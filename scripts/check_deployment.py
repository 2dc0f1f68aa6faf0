"""Django's own checks, as a hospital would run them: `.venv/bin/python -m scripts.check_deployment`.

The environment is a production one (HTTPS behind a proxy, nothing from the developer's shell or
data folder), so that `check --deploy` judges the settings that an installation gets.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile

from scripts.stamps import ROOT

CHECKS = (
    ("check", "--deploy", "--fail-level=WARNING"),
    ("makemigrations", "--check", "--dry-run"),
)


def main() -> int:
    """Run the checks in a throw-away data folder; return 1 if one of them fails."""
    ours = ("CXR_", "DJANGO_", "CELERY_", "DATABASE_URL")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with tempfile.TemporaryDirectory(prefix="cxr-check-") as data_dir:
        environment = {
            **inherited,
            "CXR_DATA_DIR": data_dir,
            "CXR_SECRET_KEY": secrets.token_urlsafe(64),
            "CXR_HTTP_HOST": "0.0.0.0",  # noqa: S104 - nothing listens, the settings are judged
            "CXR_ALLOWED_HOSTS": "cxr.hospital.example",
            "CXR_HTTPS": "1",
            "CXR_BEHIND_PROXY": "1",
        }
        for check in CHECKS:
            print(f"manage.py {' '.join(check)}", flush=True)
            command = [sys.executable, "manage.py", *check]
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
