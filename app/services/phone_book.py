"""Whose phone each number is, for the page of the demo phone."""

from __future__ import annotations

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.fields import open_fields
from app.models.beds import Refuge
from app.models.messages import Contact
from app.services.duty import in_use


def phone_book() -> dict[str, str]:
    """Number -> the refuge's alias; the label too where a refuge has several phones."""
    with transaction(by=SYSTEM) as now:
        rows = db.session.execute(
            select(Contact, Refuge.alias)
            .join(Refuge, Refuge.id == Contact.refuge_id)
            .where(in_use(now))
            .order_by(Refuge.alias, Contact.position, Contact.id)
        ).all()
        phones, labels = (
            open_fields([contact for contact, _ in rows], field) for field in ("phone", "label")
        )
    aliases = [alias for _, alias in rows]
    return {
        phone: alias if aliases.count(alias) == 1 else f"{alias} ({label})"
        for phone, label, alias in zip(phones, labels, aliases, strict=True)
    }
