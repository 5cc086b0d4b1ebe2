"""How many different women's records one person may open in an hour, counted in the audit trail."""

from __future__ import annotations

import math
from datetime import datetime

from sqlalchemy import distinct, func, select

from app.actors import Actor
from app.db import db
from app.errors import TooMany
from app.events import Fact
from app.models.events import Event
from app.models.messages import TaskKind
from app.outbox import open_task
from app.services.limits import limit_of, one_at_a_time

LOOKS = (Fact.REFERRAL_VIEWED.value, Fact.OFFER_VIEWED.value, Fact.STAY_VIEWED.value)


def spend_look(referral_id: int, *, by: Actor, now: datetime) -> None:
    """A step before a look is shown and recorded. Opening one record again costs nothing.

    Neither does a request that the person made within that time: she has typed what it says, and
    the officers of a raid make forty. The look that spends the last of it is put before the desk;
    the service's time decides, and the count is the audit trail's, so every web process sees the
    same.

    Raises:
        TooMany: the budget of this person's role is spent.
    """
    limit = limit_of(f"looks_{by.role}", now)
    if by.user_id is None or limit is None:
        return
    one_at_a_time(by.user_id)
    since = now - limit.window
    mine = (Event.actor_user_id == by.user_id, Event.at > since)
    made = set(
        db.session.scalars(
            select(Event.referral_id).where(*mine, Event.kind == Fact.REFERRAL_MADE.value)
        )
    )
    if referral_id in made:
        return
    looked = (*mine, Event.kind.in_(LOOKS), Event.referral_id.not_in(made))
    seen, is_again, oldest = db.session.execute(
        select(
            func.count(distinct(Event.referral_id)),
            func.coalesce(func.bool_or(Event.referral_id == referral_id), False),
            func.min(Event.at),
        ).where(*looked)
    ).one()
    if is_again or seen + 1 < limit.at_most:
        return
    if seen >= limit.at_most:
        wait = (oldest + limit.window - now).total_seconds()
        raise TooMany(
            f"You have opened {seen} different records in a short time, which is all we allow."
            " What you opened before is still open to you. If she needs a place now, ring the"
            " duty coordinator.",
            retry_after_seconds=max(1, math.ceil(wait)),
        )
    open_task(TaskKind.LOOKS_SPENT, user_id=by.user_id)
