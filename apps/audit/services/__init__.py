"""What happened, recorded; and the chain that shows when a record was touched."""

from apps.audit.services.events import event_record
from apps.audit.services.sealing import BrokenChainError, events_seal
from apps.audit.services.verification import Verification, chain_verify, head_accept

__all__ = [
    "BrokenChainError",
    "Verification",
    "chain_verify",
    "event_record",
    "events_seal",
    "head_accept",
]
