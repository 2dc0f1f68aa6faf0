"""A program for `test_races.py`: threads race for diagnoses in the configured database; prints JSON."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first
from django.db import connection, transaction  # noqa: E402 - Django first

from apps.diagnosis.models import Diagnosis, Triage, WorklistEntry  # noqa: E402 - Django first
from apps.diagnosis.services import diagnosis_queue, worklist_refresh  # noqa: E402 - Django first
from apps.studies.models import Instance, Patient, Received, Series, Study  # noqa: E402 - Django first

THREADS = 8
STUDIES = 10


def diagnoses_make() -> list[int]:
    """Queue two images in each of the studies."""
    patient = Patient.objects.create(patient_id="P1")
    ids = []
    for number in range(STUDIES):
        study = Study.objects.create(study_instance_uid=f"2.25.{number}", patient=patient)
        study.refresh_from_db()
        series = Series.objects.create(series_instance_uid=f"2.25.{number}.1", study=study)
        for image in range(2):
            instance = Instance.objects.create(
                series=series,
                sop_instance_uid=f"2.25.{number}.1.{image}",
                sha256="0" * 64,
                file_sha256="0" * 64,
                size=1,
                storage_key=f"{number}-{image}",
                door=Received.Door.IMPORT,
            )
            ids.append(diagnosis_queue(instance=instance).pk)
    return ids


def race(work: Callable[[int], None]) -> None:
    """Let all threads begin at the same moment."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=begin, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    ids = diagnoses_make()
    claims: Counter[int] = Counter()
    finishes: Counter[int] = Counter()
    lock = threading.Lock()
    tokens = {}

    def claim_everything(_: int) -> None:
        for pk in ids:
            if token := Diagnosis.objects.claim(pk):
                with lock:
                    claims[pk] += 1
                    tokens[pk] = token

    def finish_everything(number: int) -> None:
        for place, pk in enumerate(ids):
            with transaction.atomic():
                triage = Triage.URGENT if place % 2 else Triage.ROUTINE
                label = "covid19" if place % 2 else "normal"
                held = Diagnosis.objects.leased(pk, tokens[pk])
                if held.finish(Diagnosis.Status.COMPLETED, label=label, triage=triage):
                    study = Study.objects.get(series__instances__diagnoses=pk)
                    worklist_refresh(study=study)
                    with lock:
                        finishes[pk] += 1

    race(claim_everything)
    race(finish_everything)
    entries = WorklistEntry.objects.values_list("status", "label")
    print(  # noqa: T201 - the test reads it
        json.dumps(
            {
                "claims": sorted(claims.values()),
                "finishes": sorted(finishes.values()),
                "attempts": sorted(Diagnosis.objects.values_list("attempts", flat=True)),
                "worklist": sorted(map(list, entries)),
            }
        )
    )


if __name__ == "__main__":
    main()
