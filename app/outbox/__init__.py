"""Owed texts: claim, send, and, when in doubt, ask the provider before sending again.

A text is never lost, and never sent twice on purpose. The provider has no idempotency key, so what
remains is a text accepted by a provider whose list still hides it after two looks: docs/texts.md.
"""

from app.outbox.claims import Patience
from app.outbox.doubts import reconcile_unknown, record_status
from app.outbox.owing import close_tasks, open_task, owe
from app.outbox.sending import expire_unsent, send_due

__all__ = [
    "Patience",
    "close_tasks",
    "expire_unsent",
    "open_task",
    "owe",
    "reconcile_unknown",
    "record_status",
    "send_due",
]
