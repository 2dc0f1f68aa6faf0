"""The Celery application: one queue for inference, one for training, one for housekeeping."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES["filesystem"] = "cxrplatform.filesystem_broker:Transport"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxrplatform.settings.base")
app = Celery("cxrplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.import_modules.connect(sender=app)
def set_beat_schedule(**_: Any) -> None:
    """Read what the apps want done periodically; Celery's own Django set-up has run before this.

    A tick that nobody took by the time of the next one expires: after a night without a worker
    there is one sweep to do, not thousands.
    """
    from apps.core.registries import periodic_tasks

    app.conf.beat_schedule = {
        entry.name: {
            "task": entry.task_name,
            "schedule": entry.seconds,
            "options": {"expires": entry.seconds},
        }
        for entry in periodic_tasks
    }


@signals.celeryd_after_setup.connect
def warm_up_worker(instance: Any, **_: Any) -> None:
    """Load what the worker's queues need before it takes its first task."""
    from apps.core.warming import warm_up

    warm_up(queues=list(instance.app.amqp.queues.consume_from))


@signals.worker_ready.connect
def announce_worker(sender: Any, **_: Any) -> None:
    """Tell the supervisor that tasks are being taken."""
    from apps.core.supervision import announce_ready

    announce_ready(str(sender.hostname).partition("@")[0])


@signals.beat_init.connect
def announce_beat(**_: Any) -> None:
    """Tell the supervisor that the clock runs."""
    from apps.core.supervision import announce_ready

    announce_ready("beat")
