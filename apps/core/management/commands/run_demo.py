"""`run_demo`: what `up --demo` does once the platform is ready."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import PlatformError
from apps.core.registries import demo_steps


class Command(BaseCommand):
    help = "Run the apps' demonstration against the running platform; `up --demo` starts this."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        for step in sorted(demo_steps, key=lambda step: step.order):
            try:
                step.run()
            except PlatformError as error:
                raise CommandError(str(error)) from error
