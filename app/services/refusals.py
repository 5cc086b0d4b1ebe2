"""Attempts on requests that are not shown: written down whether or not there is such a request."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select

from app.actors import Actor
from app.db import db, transaction
from app.events import Fact, record

MOST = 5  # references in one address; more is somebody playing, and the first ones tell it


def note(refs: Iterable[str], ids: Iterable[UUID], *, endpoint: str, by: Actor) -> None:
    """Write down that ``by`` asked for these references and was told that there is nothing.

    ``ids`` stand in addresses too, of offers and stays and of much else: those of no offer and no
    stay are left out, because nobody can guess one.

    Raises:
        Unrecorded: it could not be written down.
    """
    with transaction(by=by):
        for ref in sorted(set(refs))[:MOST]:
            found = db.session.scalar(select(func.referral_id_of(ref)))
            detail: dict[str, object] = {"page": endpoint, "is_there": found is not None}
            record(Fact.REFERRAL_REFUSED, by=by, referral_id=found, detail=detail)
        for each in sorted(set(ids))[:MOST]:
            found = db.session.scalar(select(func.referral_id_at(each)))
            if found is not None:
                detail = {"page": endpoint, "is_there": True}
                record(Fact.REFERRAL_REFUSED, by=by, referral_id=found, detail=detail)
