"""A form that was sent after its sign-in had idled out: kept sealed, for the same person alone.

The phone may be shared: nothing of it stays in the browser, and whoever signs in next as somebody
else is told nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.fields import open_field, seal, shred
from app.models.accounts import User
from app.models.drafts import Draft
from app.services.sign_ins import idled_out

KEPT_FOR = timedelta(minutes=30)
Fields = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class DraftShown:
    """Where it was sent, and what was typed: (name, value)."""

    path: str
    fields: Fields


def keep(token: str, path: str, fields: Sequence[tuple[str, str]]) -> bool:
    """Keep what the person of an idled-out sign-in has sent; False where it is nobody's.

    A sign-in that was ended on purpose, or whose account was stopped, keeps nothing.
    """
    with transaction(by=SYSTEM) as now:
        user_id = db.session.scalar(
            select(User.id).where(User.id == idled_out(token, now), User.is_active)
        )
        if user_id is None:
            return False
        _forget_of(user_id)
        draft = Draft(user_id=user_id, path=path)
        seal(draft, form=json.dumps(fields))
        db.session.add(draft)
        return True


def take(*, by: Actor) -> DraftShown | None:
    """Give it back, once; None when there is none, or its half-hour is over."""
    with transaction(by=SYSTEM) as now:
        draft = db.session.scalar(
            select(Draft)
            .where(
                Draft.user_id == by.user_id,
                Draft.form_sealed.is_not(None),
                Draft.created_at > now - KEPT_FOR,
            )
            .with_for_update()
        )
        if draft is None or by.user_id is None:
            return None
        fields = [(str(name), str(text)) for name, text in json.loads(open_field(draft, "form"))]
        found = DraftShown(path=draft.path, fields=fields)
        _forget_of(by.user_id)
        return found


def _forget_of(user_id: int) -> None:
    """What it said is gone at once; the worker, who alone may, destroys the key after it."""
    db.session.execute(update(Draft).where(Draft.user_id == user_id).values(form_sealed=None))


def purge_drafts(now: datetime) -> int:
    """Destroy what is past its half-hour, with its key; a step of the worker's transaction."""
    old = db.session.scalars(
        select(Draft).where(Draft.created_at <= now - KEPT_FOR).with_for_update(skip_locked=True)
    ).all()
    shred([draft.key_id for draft in old], now)
    db.session.execute(delete(Draft).where(Draft.id.in_([draft.id for draft in old])))
    return len(old)
