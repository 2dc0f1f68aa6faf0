"""What happens to studies that others may care about; sent inside the transaction that did it."""

from django.dispatch import Signal

instance_ingested = Signal()
"""Arguments: `instance` (a new Instance)."""

study_completed = Signal()
"""Arguments: `study`, quiet for `CXR_STUDY_QUIET_SECONDS`."""
