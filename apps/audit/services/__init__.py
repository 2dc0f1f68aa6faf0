"""What happened, recorded; and the chain that shows when a record was touched."""

from apps.audit.services.events import event_record

__all__ = ["event_record"]
