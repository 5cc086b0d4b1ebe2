"""Beds called by the number that texts use, by somebody of the house: free, or out of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from app.actors import REFUGE, Actor
from app.db import db, patiently, transaction
from app.errors import Conflict, NotAllowed
from app.events import Fact, record
from app.models.beds import Room, Void
from app.models.reference import Reason, ReasonKind
from app.policy import visible_rooms
from app.services import availability, void_steps
from app.services.availability import BedState
from app.services.void_steps import Terms


class Became(StrEnum):
    """What a call came to; anything but ``done`` changed nothing."""

    DONE = "done"
    TAKEN = "taken"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Called:
    """The outcome of a call; ``numbers`` are the beds there are, where the one called is not."""

    became: Became
    until: datetime | None = None
    numbers: Sequence[int] = ()


def reason_words() -> dict[str, str]:
    """The words that a text gives for a room out of use, and the reasons behind them, in order."""
    rows = db.session.execute(
        select(Reason.text_word, Reason.code)
        .where(Reason.kind == ReasonKind.VOID, Reason.text_word.is_not(None), Reason.is_active)
        .order_by(Reason.position)
    )
    return {word: code for word, code in rows if word is not None}


def call_free(number: int, *, by: Actor) -> Called:
    """The bed is free: whatever kept it out of use has ended, or somebody has just looked.

    Said twice it is done once.
    """
    _only_house(by)
    return patiently(lambda: _call_free(number, by))


def _call_free(number: int, by: Actor) -> Called:
    with transaction(by=by) as now:
        room = _room(number, by)
        if room is None:
            return _unknown(by)
        void_steps.lock_room(room.id)
        closures = void_steps.in_effect(room, now)
        for closure in closures:
            void_steps.finish(closure, now, by)
        if closures:
            return Called(became=Became.DONE)
        state = availability.at_moments([room], [now], now)[room.id][now]
        if not state.count(BedState.FREE):
            is_closed = bool(state.count(BedState.CLOSED))
            return Called(became=Became.CLOSED if is_closed else Became.TAKEN)
        room.confirmed_at = now
        record(Fact.ROOM_CONFIRMED, by=by, refuge_id=room.refuge_id, room_id=room.id)
        return Called(became=Became.DONE)


def call_out(
    number: int, reason: str, until: datetime | None, *, by: Actor, message_sid: str
) -> Called:
    """The bed is out of use from now on; a closure that holds already is changed to this one.

    The same text (``message_sid``) does it once, however often it is read.

    Raises:
        Invalid: no such reason.
    """
    _only_house(by)
    return patiently(lambda: _call_out(number, reason, until, by, message_sid))


def _call_out(
    number: int, reason: str, until: datetime | None, by: Actor, message_sid: str
) -> Called:
    with transaction(by=by) as now:
        void_steps.check_void_reason(reason)
        room = _room(number, by)
        if room is None:
            return _unknown(by)
        void_steps.lock_room(room.id)
        done = db.session.scalar(select(Void).where(Void.message_sid == message_sid))
        if done is not None:
            return Called(became=Became.DONE, until=done.until)
        terms = Terms(until=until, message_sid=message_sid)
        closures = void_steps.in_effect(room, now)
        try:
            void_steps.begin(room, reason, void_steps.lock_free_beds(room, now), now, terms, by)
        except Conflict:
            if not closures:
                return Called(became=Became.TAKEN)
            void_steps.replace(closures[-1], terms, now, by, reason=reason)
        return Called(became=Became.DONE, until=until)


def _room(number: int, by: Actor) -> Room | None:
    found: Room | None = db.session.scalar(
        visible_rooms(by).where(Room.refuge_id == by.refuge_id, Room.number == number, Room.is_open)
    )
    return found


def _unknown(by: Actor) -> Called:
    numbers = db.session.scalars(
        visible_rooms(by)
        .where(Room.refuge_id == by.refuge_id, Room.is_open)
        .with_only_columns(Room.number)
        .order_by(Room.number)
    ).all()
    return Called(became=Became.UNKNOWN, numbers=numbers)


def _only_house(by: Actor) -> None:
    if by.role not in REFUGE or by.refuge_id is None:
        raise NotAllowed("Only the house itself may say this of its beds.")
