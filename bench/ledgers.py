"""The outbox held against the ledger of the phones: what one has and the other has not (I8)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState, SmsInbox
from app.outbox.claims import FAILURES, RANKS

OUTBOUND = "outbound-api"
FINAL = FAILURES | {"delivered", "read"}
RULES = (
    "I8 a text the provider took, and the outbox does not know",
    "I8 a text the outbox counts as taken, and the provider does not know",
    "I8 a text whose news is not what the provider says",
    "I8 a reply the provider handed over, and nobody kept",
)
assert set(RANKS) >= FINAL


def apart(texts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """The rules that do not hold and how many texts break each; empty when both say the same.

    ``texts`` is the provider's whole ledger.
    """
    out = {text["sid"]: text["status"] for text in texts if text["direction"] == OUTBOUND}
    replies = {text["sid"] for text in texts if text["direction"] != OUTBOUND}
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Message.provider_sid, Message.state, Message.provider_status)
        ).all()
        kept = set(db.session.scalars(select(SmsInbox.message_sid)))
    known = {sid: status for sid, _, status in rows if sid}
    taken = [sid for sid, state, _ in rows if state == MessageState.ACCEPTED]
    counts = (
        len(out.keys() - known.keys()),
        sum(sid not in out for sid in taken) + len(known.keys() - out.keys()),
        sum(out[sid] != status for sid, status in known.items() if sid in out),
        len(replies - kept),
    )
    return {rule: count for rule, count in zip(RULES, counts, strict=True) if count}


def wait_for_news(seconds: float = 20) -> None:
    """Until the provider has said the last word on every text it took; callbacks travel.

    Raises:
        TimeoutError: some are still under way.
    """
    until = time.monotonic() + seconds
    under_way = Message.provider_sid.is_not(None) & Message.provider_status.not_in(FINAL)
    while True:
        with transaction(by=SYSTEM):
            left = db.session.scalars(select(Message.id).where(under_way)).all()
        if not left:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"no last word on {len(left)} texts")
        time.sleep(0.05)
