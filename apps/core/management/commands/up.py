"""`up`: the whole platform on one machine, from one command."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from apps.core.data_folder import data_folder_lock, data_folder_prepare, temporary_folder_open
from apps.core.errors import PlatformError
from apps.core.ports import free_port, listening_socket
from apps.core.readiness import wait_until_ready
from apps.core.registries import bootstrap_steps
from apps.core.supervision import Program, Supervisor

_MANAGE = str(settings.BASE_DIR / "manage.py")


def programs(*, web_descriptor: int) -> list[Program]:
    """Return the platform's processes.

    The worker also does the housekeeping: its few milliseconds take turns with images, whereas a
    training run may hold every thread of the trainer for hours.
    """
    return [
        Program("web", [_MANAGE, "run_web", "--socket", str(web_descriptor)], descriptors=[web_descriptor]),
        Program("listener", [_MANAGE, "run_listener"]),
        Program("worker", _celery_worker("worker", "inference,housekeeping", settings.WORKER_THREADS)),
        Program("trainer", _celery_worker("trainer", "training", 1)),
        Program("beat", ["-m", "celery", "-q", "-A", "cxrplatform", "beat"]),
    ]


def _celery_worker(name: str, queues: str, threads: int) -> list[str]:
    return [
        *[
            "-m",
            "celery",
            "-q",
            "-A",
            "cxrplatform",
            "worker",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        *f"--hostname {name}@%h --queues {queues} --pool threads --concurrency {threads}".split(),
    ]


class Command(BaseCommand):
    help = (
        "Prepare the data folder and the database, start web, listener, worker, trainer and beat, print "
        "one READY line, and keep them running until SIGTERM or SIGINT."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help="open the listener on loopback, add one account per role, send sample radiographs",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if data_folder_prepare():
            # The settings were read before there was a folder to keep a secret key in: begin again.
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - ourselves again
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the supervisor handles it
        try:
            with data_folder_lock(), listening_socket(settings.HTTP_HOST, settings.HTTP_PORT) as web_socket:
                self._run(web_socket, demo=bool(options["demo"]))
        except PlatformError as error:
            raise CommandError(str(error)) from error

    def _run(self, web_socket: socket.socket, *, demo: bool) -> None:
        environment = {
            "CXR_DATA_DIR": str(settings.DATA_DIR),
            "CXR_HTTP_PORT": str(web_socket.getsockname()[1]),
            "CXR_DICOM_PORT": str(free_port(settings.DICOM_HOST, settings.DICOM_PORT)),
            "TMPDIR": temporary_folder_open(),
            "PYTHONUNBUFFERED": "1",
            "CELERY_SKIP_CHECKS": "1",  # this process has run them
            "MALLOC_ARENA_MAX": "2",  # one heap per thread is what makes threaded processes grow
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        if demo:
            environment |= {"CXR_DICOM_OPEN": "1", "CXR_MFA_REQUIRED": "0"}
        os.environ.update(environment)  # noqa: TID251 - what this process starts sees the same
        self._bootstrap()
        asyncio.run(self._supervise(web_descriptor=web_socket.fileno(), demo=demo))
        self._say("stopped")

    def _bootstrap(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        for step in sorted(bootstrap_steps, key=lambda step: step.order):
            step.run()
        connections.close_all()

    async def _supervise(self, *, web_descriptor: int, demo: bool) -> None:
        port, dicom_port = os.environ["CXR_HTTP_PORT"], os.environ["CXR_DICOM_PORT"]  # noqa: TID251 - set above
        supervisor = Supervisor(
            programs(web_descriptor=web_descriptor),
            log_dir=settings.DATA_DIR / "log",
            say=self._say,
        )

        async def announce() -> None:
            await wait_until_ready(host=settings.HTTP_HOST, port=int(port), say=self._say)
            self.stdout.write(
                f"READY http://{settings.HTTP_HOST}:{port} "
                f"dicom://{settings.AE_TITLE}@{settings.DICOM_HOST}:{dicom_port}"
            )
            self.stdout.flush()
            if demo:
                await self._demonstrate()

        await supervisor.run(when_ready=announce)

    async def _demonstrate(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, _MANAGE, "run_demo"), stdin=asyncio.subprocess.DEVNULL
        )
        try:
            if status := await process.wait():
                self._say(f"the demonstration ended with exit status {status}")
        except asyncio.CancelledError:
            process.terminate()
            raise

    def _say(self, message: str) -> None:
        self.stderr.write(f"up       | {message}")
        self.stderr.flush()
