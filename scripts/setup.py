"""Makes a fresh checkout ready: `python3 -m scripts.setup [--dev]`. A second run finds nothing to do."""

from __future__ import annotations

import argparse
import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    """Set up what the chosen use needs; print what cannot be done and return 1."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        print(
            f"This is Python {sys.version.split()[0]}. The packages are locked for {OLDEST[0]}.{OLDEST[1]} "
            f"to {NEWEST[0]}.{NEWEST[1]}: choose another by make PYTHON=python3.11 …",
            file=sys.stderr,
        )
        return 1
    parser = argparse.ArgumentParser(description="Make this checkout ready to run.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    options = parser.parse_args()

    from scripts import environment, frontend
    from scripts.errors import SetupError

    try:
        environment.ensure_packages(environment.DEVELOPING if options.dev else environment.RUNNING)
        frontend.ensure_frontend()
    except SetupError as error:
        print(f"Set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
