"""Women who must stay together, on the board: asked for with one tick or not at all."""

from __future__ import annotations

from dataclasses import replace

from app.models.referrals import LinkKind
from app.services.desk import Line

NOT_PLANNED = "{ref}, who must stay with her, is newer than this plan or has changed since."
NO_ROOM = "{ref}, who must stay with her, has no room in this plan."
ROOM_TAKEN = "The room of {ref}, who must stay with her, was taken since this plan was made."
WAIT = " Neither is asked alone: a new plan is on its way."


def in_groups(lines: list[Line]) -> list[Line]:
    """The same lines, each group's beside its first, told how they are asked for."""
    of = {line.person.ref: line for line in lines}
    shown: list[Line] = []
    seen: set[str] = set()
    for ref in of:
        if ref in seen:
            continue
        group = [other for other in of if other in _reached(ref, of)]
        seen.update(group)
        shown += _told([of[other] for other in group])
    return shown


def _reached(ref: str, of: dict[str, Line]) -> set[str]:
    """Everybody who waits and is tied to her, herself too."""
    reached, fresh = {ref}, [ref]
    while fresh:
        ties = of[fresh.pop()].person.ties
        near = {tie.ref for tie in ties if tie.kind == LinkKind.TOGETHER and tie.ref in of}
        fresh += sorted(near - reached)
        reached |= near
    return reached


def _told(group: list[Line]) -> list[Line]:
    refs = [line.person.ref for line in group]
    return [
        replace(
            line,
            asked_with=tuple(ref for ref in refs if ref != line.person.ref),
            ticked_at=refs[0],
            cannot_ask=_why_not([other for other in group if other is not line]),
        )
        for line in group
    ]


def _why_not(others: list[Line]) -> str:
    """Why she cannot be asked for although her own line may hold; empty when she can."""
    for other in others:
        if not other.is_planned:
            return NOT_PLANNED.format(ref=other.person.ref) + WAIT
        if other.room is None:
            return NO_ROOM.format(ref=other.person.ref) + WAIT
        if not other.room.is_free:
            return ROOM_TAKEN.format(ref=other.person.ref) + WAIT
    return ""
