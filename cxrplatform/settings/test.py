"""Settings of the test suite: the real ones, in a throw-away data folder."""

from __future__ import annotations

import os
import tempfile

# A folder for each process of pytest-xdist: they inherit the environment of the one that started them.
_process = os.environ.get("PYTEST_XDIST_WORKER", "")
if "CXR_DATA_DIR" not in os.environ or os.environ.get("PYTEST_DATA_DIR_OF", "") != _process:
    os.environ.update(CXR_DATA_DIR=tempfile.mkdtemp(prefix="cxr-test-"), PYTEST_DATA_DIR_OF=_process)
os.environ.setdefault("CXR_SECRET_KEY", "only-for-the-test-suite-" + "x" * 40)
os.environ.setdefault("CXR_SPOOL_RESERVE_BYTES", "1048576")

from cxrplatform.settings.base import *  # noqa: E402, F403 - settings extend others this way

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; never outside tests
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
