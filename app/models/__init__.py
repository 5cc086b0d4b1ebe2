"""Every table, imported so that migrations and mappers see them all."""

from app.models import (
    accounts,
    beds,
    care,
    clock,
    events,
    factors,
    funding,
    honey,
    messages,
    placements,
    plans,
    pre_alerts,
    prices,
    reference,
    referrals,
)

__all__ = [
    "accounts",
    "beds",
    "care",
    "clock",
    "events",
    "factors",
    "funding",
    "honey",
    "messages",
    "placements",
    "plans",
    "pre_alerts",
    "prices",
    "reference",
    "referrals",
]
