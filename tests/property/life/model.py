"""The life cycle of a request in plain Python: what may happen, and what must then be so.

It knows no database, no service and no rule but those written here; the state machine holds the
service against it. A new act is one method here and one rule there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

REPLY = {"emergency": timedelta(minutes=20), "urgent": timedelta(minutes=120)}
PRIORITY = {"emergency": 1, "urgent": 2}
HOLD = {"emergency": timedelta(minutes=90), "urgent": timedelta(minutes=240)}
RENEWALS = 3
MADE_READY = timedelta(minutes=180)
HOUSE_RESTS = timedelta(minutes=60)
LIVE = ("offered", "accepted", "arrived")
ASKED = ("offered", "enquired")  # a house is asked and has not answered
OPEN = ("ready", "paused", "offered", "confirmed", "in_transit")


class Refused(Exception):
    """The service must refuse; ``kind`` is the name of its error."""

    def __init__(self, kind: str = "Conflict") -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(eq=False)
class Room:
    """A private room: whole or not at all. ``ready_at`` ends the time after a departure."""

    house: str
    code: str
    beds: int
    cots: int
    is_closed: bool = False
    ready_at: datetime | None = None


@dataclass(eq=False)
class Woman:
    """One request. ``ages`` are her children's; ``home`` is the stay that she is to move from."""

    ref: str
    urgency: str
    ages: tuple[int, ...]
    state: str = "ready"
    said_no: set[str] = field(default_factory=set)
    rests_until: dict[str, datetime] = field(default_factory=dict)
    paused_until: datetime | None = None
    home: Stay | None = None

    def fits(self, room: Room) -> bool:
        babies = sum(age < 2 for age in self.ages)
        return 1 + len(self.ages) - min(babies, room.cots) <= room.beds


@dataclass(eq=False)
class Stay:
    """From the offer of a room to its end; an enquiry (``enquired``) asks and keeps no bed."""

    woman: Woman
    room: Room
    expires_at: datetime
    state: str = "offered"
    hold_until: datetime | None = None
    renewals: int = 0
    is_on_her_way: bool = False
    question: str = ""
    is_answered: bool = False

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


@dataclass(eq=False)
class Alert:
    """A pre-alert: open, cancelled or expired."""

    expires_at: datetime
    state: str = "open"


@dataclass
class Model:
    """Everything there is; ``now`` is what the service's clock shows."""

    rooms: list[Room]
    now: datetime
    women: list[Woman] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    # Asking and deciding

    def ask(self, ref: str, urgency: str, ages: tuple[int, ...]) -> Woman:
        self.women.append(Woman(ref, urgency, ages))
        return self.women[-1]

    def waiting(self) -> list[Woman]:
        return [woman for woman in self.women if woman.state == "ready"]

    def is_free(self, room: Room) -> bool:
        taken = any(stay.is_live and stay.room is room for stay in self.stays)
        is_ready = room.ready_at is None or room.ready_at <= self.now
        return not taken and not room.is_closed and is_ready

    def may_have(self, woman: Woman, room: Room, *, by_hand: bool = False) -> bool:
        """Whether the plan may give her this room; a person may also try a house that rests."""
        rests = woman.rests_until.get(room.house)
        return (
            self.is_free(room)
            and woman.fits(room)
            and room.house not in woman.said_no
            and (by_hand or rests is None or rests <= self.now)
        )

    def best_counts(self) -> dict[int, int]:
        """Priority -> how many women get a room when as many as can be do, most urgent first."""
        rooms = [room for room in self.rooms if self.is_free(room)]
        held: dict[int, Woman] = {}

        def find(woman: Woman, seen: set[int]) -> bool:
            for number, room in enumerate(rooms):
                if number in seen or not self.may_have(woman, room):
                    continue
                seen.add(number)
                if number not in held or find(held[number], seen):
                    held[number] = woman
                    return True
            return False

        for woman in sorted(self.waiting(), key=lambda each: PRIORITY[each.urgency]):
            find(woman, set())
        return count_by_priority(held.values())

    def offer(self, woman: Woman, room: Room) -> Stay:
        """The desk has decided; ``may_have`` was asked before."""
        woman.state = "offered"
        self.stays.append(Stay(woman, room, self.now + REPLY[woman.urgency]))
        return self.stays[-1]

    def choose(self, woman: Woman, room: Room) -> Stay:
        """The desk decides against the plan; safety rules hold for people too."""
        if woman.state != "ready" or not self.is_free(room):
            raise Refused
        if not self.may_have(woman, room, by_hand=True):
            raise Refused("Invalid")
        return self.offer(woman, room)

    def enquire(self, woman: Woman, room: Room) -> Stay:
        """One more house is asked beside the offer; ``may_have`` was asked before."""
        self.stays.append(Stay(woman, room, self.now + REPLY[woman.urgency], state="enquired"))
        return self.stays[-1]

    # Answering

    def is_open(self, stay: Stay) -> bool:
        return stay.state in ASKED and self.now < stay.expires_at

    def accept(self, stay: Stay) -> None:
        """The first yes wins. An enquiry finds its room as it is then, or ends by itself."""
        if not self.is_open(stay):
            raise Refused
        if stay.state == "enquired":
            others = [each for each in self._asked_for(stay.woman) if each is not stay]
            given_up = {each: each.state for each in others}
            for each in others:
                each.state = "withdrawn"
            if not self.may_have(stay.woman, stay.room, by_hand=True):
                for each, was in given_up.items():
                    each.state = was
                stay.state = "withdrawn"
                self._back_to_the_plan(stay.woman)
                raise Refused("RoomGone")
        for each in self._asked_for(stay.woman):
            each.state = "withdrawn"
        stay.state, stay.woman.state = "accepted", "confirmed"
        stay.hold_until = self.now + HOLD[stay.woman.urgency]

    def _asked_for(self, woman: Woman) -> list[Stay]:
        return [stay for stay in self.stays if stay.woman is woman and stay.state in ASKED]

    def _back_to_the_plan(self, woman: Woman) -> None:
        if not self._asked_for(woman):
            woman.state = "ready"

    def decline(self, stay: Stay) -> None:
        if not self.is_open(stay):
            raise Refused
        stay.state = "declined"
        stay.woman.said_no.add(stay.room.house)
        self._back_to_the_plan(stay.woman)

    def ask_question(self, stay: Stay, question: str) -> None:
        """A house has one question, and half of its time more for it."""
        if not self.is_open(stay):
            raise Refused
        if stay.question:
            if stay.question != question or stay.is_answered:
                raise Refused("AskedAlready")
            return
        stay.question = question
        stay.expires_at += REPLY[stay.woman.urgency] / 2

    def answer_question(self, stay: Stay) -> None:
        if stay.is_answered or not self.is_open(stay):
            raise Refused
        stay.is_answered = True

    def withdraw_offer(self, stay: Stay, *, is_her_word: bool) -> None:
        if stay.state not in (*ASKED, "accepted"):
            raise Refused
        stay.state = "withdrawn"
        if is_her_word:
            stay.woman.said_no.add(stay.room.house)
        self._back_to_the_plan(stay.woman)

    def lapse(self) -> int:
        late = [s for s in self.stays if s.state in ASKED and s.expires_at <= self.now]
        for stay in late:
            stay.state = "lapsed"
            stay.woman.rests_until[stay.room.house] = self.now + HOUSE_RESTS
            self._back_to_the_plan(stay.woman)
        return len(late)

    # Arriving and leaving

    def renew(self, stay: Stay, *, is_desk: bool) -> datetime:
        if stay.state != "accepted" or stay.hold_until is None:
            raise Refused
        if not is_desk and stay.renewals >= RENEWALS:
            raise Refused
        stay.hold_until = max(stay.hold_until, self.now) + HOLD[stay.woman.urgency]
        stay.renewals += not is_desk
        return stay.hold_until

    def set_out(self, stay: Stay) -> None:
        if stay.state != "accepted" or stay.hold_until is None:
            raise Refused
        if not stay.is_on_her_way:
            stay.hold_until = max(stay.hold_until, self.now + HOLD[stay.woman.urgency])
        stay.is_on_her_way, stay.woman.state = True, "in_transit"

    def arrive(self, stay: Stay) -> None:
        if stay.state != "accepted":
            raise Refused
        stay.state, stay.woman.state = "arrived", "resident"
        if stay.woman.home is not None:
            self._leave(stay.woman.home)

    def not_arrive(self, stay: Stay) -> None:
        if stay.state != "accepted":
            raise Refused
        stay.state, stay.woman.state = "not_arrived", "not_arrived"

    def depart(self, stay: Stay) -> None:
        if stay.state != "arrived" or self.move_of(stay) is not None:
            raise Refused
        self._leave(stay)

    def _leave(self, stay: Stay) -> None:
        stay.state, stay.woman.state = "departed", "moved_on"
        stay.room.ready_at = self.now + MADE_READY

    def change_room(self, stay: Stay, room: Room) -> None:
        if stay.state != "arrived":
            raise Refused
        if room.house != stay.room.house:
            raise Refused("NotFound")
        if not self.is_free(room):
            raise Refused
        if not stay.woman.fits(room):
            raise Refused("Invalid")
        stay.room.ready_at, stay.room = self.now + MADE_READY, room

    # Moving to another house

    def move_of(self, stay: Stay) -> Woman | None:
        """The request for another house that is under way for this stay."""
        moves = [w for w in self.women if w.home is stay and w.state in OPEN]
        return moves[0] if moves else None

    def ask_move(self, stay: Stay, ref: str, urgency: str) -> Woman:
        """``may_ask_move`` was asked before; the house she lives in is not proposed to her."""
        woman = self.ask(ref, urgency, stay.woman.ages)
        woman.home = stay
        woman.said_no.add(stay.room.house)
        return woman

    def may_ask_move(self, stay: Stay) -> None:
        if stay.state != "arrived" or self.move_of(stay) is not None:
            raise Refused

    def cancel_move(self, stay: Stay) -> None:
        woman = self.move_of(stay)
        if woman is None:
            raise Refused
        self.withdraw(woman)

    # The request

    def withdraw(self, woman: Woman) -> None:
        if woman.state not in OPEN:
            raise Refused
        for stay in self.stays:
            if stay.woman is woman and (stay.is_live or stay.state in ASKED):
                stay.state = "withdrawn"
        woman.state = "withdrawn"

    def close_unmet(self, woman: Woman) -> None:
        if woman.state not in ("ready", "not_arrived") or woman.home is not None:
            raise Refused
        woman.state = "unmet"

    def reopen(self, woman: Woman) -> None:
        """One who was to move may be asked for again only while she lives where she did."""
        home = woman.home
        if woman.state not in ("unmet", "not_arrived"):
            raise Refused
        if home is not None and (home.state != "arrived" or self.move_of(home) is not None):
            raise Refused
        woman.state = "ready"

    def pause(self, woman: Woman, until: datetime) -> None:
        if woman.state != "ready":
            raise Refused
        woman.state, woman.paused_until = "paused", until

    def resume(self, woman: Woman) -> None:
        if woman.state != "paused":
            raise Refused
        woman.state, woman.paused_until = "ready", None

    def wake(self) -> int:
        due = [
            w for w in self.women
            if w.state == "paused" and w.paused_until is not None and w.paused_until <= self.now
        ]  # fmt: skip
        for woman in due:
            self.resume(woman)
        return len(due)

    # Rooms and what is expected

    def close(self, room: Room) -> None:
        taken = any(stay.is_live and stay.room is room for stay in self.stays)
        if taken or room.is_closed:
            raise Refused
        room.is_closed = True
        if room.ready_at is not None and room.ready_at > self.now:
            room.ready_at = None  # a reason that a person gives takes the place of this one

    def reopen_room(self, room: Room) -> None:
        if not room.is_closed:
            raise Refused
        room.is_closed = False

    def make_ready(self) -> None:
        """The rooms that have had their time are ready, and said to be."""
        for room in self.rooms:
            if room.ready_at is not None and room.ready_at <= self.now:
                room.ready_at = None

    def cancel(self, alert: Alert) -> None:
        if alert.state != "open" or alert.expires_at <= self.now:
            raise Refused
        alert.state = "cancelled"

    def expire(self) -> int:
        late = [a for a in self.alerts if a.state == "open" and a.expires_at <= self.now]
        for alert in late:
            alert.state = "expired"
        return len(late)


def count_by_priority(women: Iterable[Woman]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for woman in women:
        counts[PRIORITY[woman.urgency]] = counts.get(PRIORITY[woman.urgency], 0) + 1
    return counts
