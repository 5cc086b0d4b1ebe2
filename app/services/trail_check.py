"""Checking the audit trail: every link of the chain, and the chain against its anchors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.engine import Row

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.messages import TaskKind
from app.outbox.owing import open_task
from app.services.anchors import Anchor, read_anchors, trusted_keys
from app.services.trail import CANONICAL, GENESIS, next_hash, seal_all
from config import Settings

AT_ONCE = 5_000
# nosemgrep: built-sql - what is put in is a constant of the seal
_LINKS = text(
    f"""SELECT s.position, s.event_id, s.hash, CASE WHEN e.id IS NOT NULL THEN {CANONICAL} END
          FROM event_seal s LEFT JOIN event e ON e.id = s.event_id
         ORDER BY s.position"""  # noqa: S608
)
_UNSEALED = text(
    "SELECT count(*) FROM event e WHERE NOT EXISTS"
    " (SELECT FROM event_seal s WHERE s.event_id = e.id)"
)

Link = Row[int, int, bytes, str | None]


class Fault(StrEnum):
    """What is wrong with the first row that is not as it was sealed."""

    SEAL_MISSING = "its seal is missing"
    EVENT_MISSING = "the event is missing"
    CHANGED = "the event or its seal is not what was sealed"
    NOT_AS_ANCHORED = "the trail was written anew: an anchor knows another head here"
    CUT = "the trail ends before this position, and an anchor knows it"
    FORGED_ANCHOR = "an anchor is not signed by a key of this service"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """The first place that is wrong. ``since`` is the last position known to be right."""

    fault: Fault
    position: int
    event_id: int | None = None
    since: int = 0
    anchor: str = ""

    def __str__(self) -> str:
        where = f"position {self.position}"
        if self.event_id is not None:
            where += f", event {self.event_id}"
        if self.anchor:
            where += f" (anchor {self.anchor}, right up to position {self.since})"
        return f"{where}: {self.fault}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check came to. ``rows`` is how many links were right before it stopped.

    ``unsealed`` events are those not sealed yet: while a worker runs, those of the last second.
    """

    rows: int
    anchors: int
    unsealed: int
    broken: Broken | None


def check(settings: Settings) -> Verdict:
    """Check everything and write down that it was checked; a break is a task for people."""
    seal_all()
    found = verify(read_anchors(settings.anchor_folder), trusted_keys(settings))
    detail: dict[str, object] = {"rows": found.rows, "anchors": found.anchors}
    if found.broken is not None:
        detail |= {"broken": found.broken.position, "fault": found.broken.fault.name.lower()}
    with transaction(by=SYSTEM):
        record(Fact.TRAIL_CHECKED, by=SYSTEM, detail=detail)
        if found.broken is not None:
            open_task(TaskKind.TRAIL_BROKEN)
    return found


def verify(anchors: Sequence[Anchor], keys: Sequence[str]) -> Verdict:
    """Go along the chain from the first link, and stop at the first that is wrong.

    Trusts no function of the database and no hash in it: rows are read as they are and hashed here.
    """
    signed = [each for each in anchors if each.is_signed_by(keys)]
    forged = next((each for each in anchors if each not in signed), None)
    with transaction(by=SYSTEM):
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        walk = _Walk(_still_binding(signed))
        broken = walk.to_the_end(_links())
        if broken is None and forged is not None:
            broken = Broken(fault=Fault.FORGED_ANCHOR, position=forged.position, anchor=forged.file)
        unsealed = db.session.scalar(_UNSEALED) or 0
    return Verdict(rows=walk.position, anchors=len(anchors), unsealed=unsealed, broken=broken)


def _still_binding(anchors: Sequence[Anchor]) -> list[Anchor]:
    """Without those beyond the head at which an older copy was restored after they were made."""
    restarts = [each for each in anchors if each.is_restart]
    return [
        each
        for each in anchors
        if not any(each.at < new.at and each.position > new.position for new in restarts)
    ]


def _links() -> Iterator[Link]:
    found = db.session.execute(_LINKS, execution_options={"yield_per": AT_ONCE})
    for some in found.partitions():
        yield from some


class _Walk:
    """One way along the chain: where it is, the hash it stands on, the anchor it passed last."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.position, self.head, self.since = 0, GENESIS, 0
        self.anchors: dict[int, list[Anchor]] = defaultdict(list)
        for anchor in anchors:
            self.anchors[anchor.position].append(anchor)

    def to_the_end(self, links: Iterator[Link]) -> Broken | None:
        if (broken := self._passes_anchors()) is not None:
            return broken
        for link in links:
            if (broken := self._step(*link)) is not None:
                return broken
        return self._knows_more()

    def _step(self, position: int, event_id: int, seal: bytes, row: str | None) -> Broken | None:
        wanted = self.position + 1
        if position != wanted:
            return self._broken(Fault.SEAL_MISSING, wanted)
        if row is None:
            return self._broken(Fault.EVENT_MISSING, wanted, event_id)
        if next_hash(self.head, row) != seal:
            return self._broken(Fault.CHANGED, wanted, event_id)
        self.position, self.head = position, seal
        return self._passes_anchors()

    def _passes_anchors(self) -> Broken | None:
        for anchor in self.anchors.get(self.position, ()):
            if anchor.hash != self.head.hex():
                return self._broken(Fault.NOT_AS_ANCHORED, self.position, anchor=anchor.file)
            self.since = self.position
        return None

    def _knows_more(self) -> Broken | None:
        beyond = [position for position in self.anchors if position > self.position]
        if not beyond:
            return None
        anchor = self.anchors[min(beyond)][0]
        return self._broken(Fault.CUT, self.position + 1, anchor=anchor.file)

    def _broken(
        self, fault: Fault, position: int, event_id: int | None = None, anchor: str = ""
    ) -> Broken:
        return Broken(
            fault=fault, position=position, event_id=event_id, since=self.since, anchor=anchor
        )
