"""Every table, imported so that migrations and mappers see them all."""

from app.models import (
    abuse,
    accounts,
    beds,
    clock,
    events,
    funding,
    messages,
    placements,
    plans,
    pre_alerts,
    prices,
    reference,
    referrals,
)

__all__ = [
    "abuse",
    "accounts",
    "beds",
    "clock",
    "events",
    "funding",
    "messages",
    "placements",
    "plans",
    "pre_alerts",
    "prices",
    "reference",
    "referrals",
]
