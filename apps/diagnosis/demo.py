"""`up --demo`: an account per role, radiographs through the real listener, and what became of each."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections
from rich.console import Console
from rich.live import Live
from rich.table import Table

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services.users import user_create
from apps.core.errors import PermanentError
from apps.diagnosis.demo_objects import DemoObject, images_of_folder, synthetic_objects
from apps.diagnosis.models import Diagnosis
from apps.diagnosis.selectors import current_diagnosis
from apps.gateway.sender import store_files
from apps.studies.models import ConflictingObject, Instance, QuarantinedObject

CALLING_AE_TITLE = "DEMO"
ACTOR = "demo"
_BATCH = 100
_PATIENCE_SECONDS = 120.0
"""Without any new result."""


def demo_accounts() -> None:
    """Make one account per role and print them; those of an earlier demonstration get new passwords."""
    table = Table(title="Accounts of this demonstration")
    for column in ("role", "e-mail", "password"):
        table.add_column(column)
    for role in Role:
        email, password = f"{role.value.replace('_', '.')}@example.org", secrets.token_urlsafe(12)
        user = User.objects.filter(email=email).first()
        if user is None:
            user_create(email=email, role=role, password=password, by=ACTOR)
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
        table.add_row(role.label, email, password)
    _console().print(table)


def demo_radiographs() -> None:
    """Send the demonstration's objects by C-STORE and print each one's outcome as it arrives.

    Raises `PermanentError` when one is not as expected, or nothing arrives for two minutes.
    """
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        if settings.DEMO_IMAGES:
            objects = images_of_folder(Path(settings.DEMO_IMAGES), folder)
        else:
            objects = iter(synthetic_objects(folder))
        table = _OutcomeTable()
        console = _console()
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while batch := list(islice(objects, _BATCH)):
                table.add(_send(batch))
                for _ in table.arrivals():
                    if console.is_terminal:
                        live.update(table.render(), refresh=True)
    console.print(table.render())
    console.print(f"DEMO {table.as_expected}/{len(table.rows)} as expected")
    if table.as_expected < len(table.rows):
        raise PermanentError("Not every object of the demonstration had its expected outcome.")


@dataclass
class _Row:
    """An object that was sent, its C-STORE status and what has become of it."""

    sent: DemoObject
    status: int
    sent_at: float
    outcome: str = ""
    detail: str = ""
    seconds: float = 0.0

    @property
    def is_as_expected(self) -> bool:
        expected = self.sent.expected
        if not expected:
            return bool(self.outcome) and not self.outcome.startswith(("failed", "status"))
        return self.outcome.startswith(expected)


class _OutcomeTable:
    """The rows on the screen."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []

    @property
    def as_expected(self) -> int:
        return sum(row.is_as_expected for row in self.rows)

    def add(self, rows: Iterable[_Row]) -> None:
        self.rows.extend(rows)

    def arrivals(self) -> Iterator[_Row]:
        """Yield each row whose outcome has become known, until all have one.

        Raises `PermanentError` when nothing came for two minutes.
        """
        waiting = [row for row in self.rows if not row.outcome]
        latest = time.monotonic()
        while waiting:
            close_old_connections()
            for row in list(waiting):
                row.outcome, row.detail = _outcome(row)
                if row.outcome:
                    latest = time.monotonic()
                    row.seconds = latest - row.sent_at
                    waiting.remove(row)
                    yield row
            if waiting and time.monotonic() - latest > _PATIENCE_SECONDS:
                names = ", ".join(row.sent.name for row in waiting[:5])
                raise PermanentError(f"No outcome for two minutes: {names}. The worker's log says more.")
            time.sleep(0.1)

    def render(self) -> Table:
        table = Table(title=f"Sent to {settings.AE_TITLE} by C-STORE")
        for column in ("object", "C-STORE", "expected", "got", "detail", ""):
            table.add_column(column)
        table.add_column("seconds", justify="right")
        for row in self.rows:
            table.add_row(
                row.sent.name,
                f"{row.status & 0xFFFF:04X}",
                row.sent.expected or "any result",
                row.outcome or "…",
                row.detail,
                ("✓" if row.is_as_expected else "✗") if row.outcome else "",
                f"{row.seconds:.1f}" if row.outcome else "",
            )
        return table


def _send(objects: Sequence[DemoObject]) -> list[_Row]:
    statuses = store_files(
        host=settings.DICOM_HOST,
        port=settings.DICOM_PORT,
        called_ae_title=settings.AE_TITLE,
        calling_ae_title=CALLING_AE_TITLE,
        files=[entry.path for entry in objects],
    )
    now = time.monotonic()
    return [_Row(entry, status, now) for entry, (_, status) in zip(objects, statuses, strict=True)]


def _outcome(row: _Row) -> tuple[str, str]:
    """Return what the platform shows of the object, and a word about it; '' while it is at work."""
    uid = row.sent.sop_instance_uid
    if row.status == 0xB007:
        kept = ConflictingObject.objects.filter(instance__sop_instance_uid=uid).count()
        return ("conflict", "the first stays, the other is kept aside") if kept else ("status B007", "")
    if row.status >> 12 == 0xC:
        kept = QuarantinedObject.objects.filter(sender=CALLING_AE_TITLE).count()
        return ("quarantined", "kept, not parsed") if kept else (f"status {row.status:04X}", "")
    if row.status != 0:
        return f"status {row.status & 0xFFFF:04X}", ""
    instance = Instance.objects.filter(sop_instance_uid=uid).first()
    if instance is None:
        return "lost", "acknowledged, but not in the database"
    if row.sent.is_again:
        return "known", "nothing new"
    diagnosis = current_diagnosis(instance)
    return _result(diagnosis) if diagnosis else ("", "")


def _result(diagnosis: Diagnosis) -> tuple[str, str]:
    if diagnosis.status == Diagnosis.Status.COMPLETED:
        finding = diagnosis.findings.filter(label=diagnosis.label).first()
        triage = diagnosis.get_triage_display()
        return diagnosis.label, f"p = {finding.probability:.2f}, {triage}" if finding else triage
    if diagnosis.status == Diagnosis.Status.REJECTED:
        codes = ", ".join(rejection["code"] for rejection in diagnosis.rejections)
        return f"rejected: {codes}", ""
    return ("failed", diagnosis.error) if diagnosis.status == Diagnosis.Status.FAILED else ("", "")


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=130)
