"""Every table, imported so that migrations and mappers see them all."""

from app.models import (
    accounts,
    beds,
    clock,
    events,
    funding,
    keys,
    messages,
    placements,
    plans,
    pre_alerts,
    prices,
    reference,
    referrals,
    retention,
)

__all__ = [
    "accounts",
    "beds",
    "clock",
    "events",
    "funding",
    "keys",
    "messages",
    "placements",
    "plans",
    "pre_alerts",
    "prices",
    "reference",
    "referrals",
    "retention",
]
