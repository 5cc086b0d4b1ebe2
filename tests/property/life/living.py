"""From the promise to the day she leaves, and the moves between."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from app.models.reference import Urgency
from app.services import (
    holds,
    matching,
    offers,
    transfers,
)
from app.services.asked import NewTransfer
from tests.property.life.answering import Answering
from tests.property.life.ground import MOST_WOMEN, nth, pick, refuse, ways
from tests.property.life.model import (
    LIVE,
    Stay,
)
from tests.property.life.seen import hold_until


class Living(Answering):
    """Kept rooms, journeys, arrivals, moves, departures."""

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def arrive(self, n: int, way: str) -> None:
        self.is_there(pick(self.model.stays, n, "accepted"), way)

    def is_there(self, stay: Stay, way: str) -> None:
        expected = lambda: self.model.arrive(stay)  # noqa: E731
        if way == "text":
            # Said again it is answered the same and done once.
            known = stay.state == "arrived"
            said = f"she has ARRIVED {self.codes[stay]}"
            self.says(stay, said, (lambda: None) if known else expected, "arrived")
            return
        by = self.ground.staff(stay.room.house)
        if way == "desk" and stay.woman.home is None:
            by = self.ground.cast.amara.actor  # her officer: the desk need not be asked
        self.both(expected, offers.record_arrival, self.ids[stay], by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def not_arrive(self, n: int) -> None:
        self.does_not_come(pick(self.model.stays, n, "accepted"))

    def does_not_come(self, stay: Stay) -> None:
        self.both(
            lambda: self.model.not_arrive(stay),
            offers.record_not_arrived,
            self.ids[stay],
            "cannot_be_reached",
            by=self.ground.staff(stay.room.house),
        )

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_desk=st.booleans(), is_read=st.sampled_from([True, True, True, False]))
    def keep_it_longer(self, n: int, is_desk: bool, is_read: bool) -> None:
        """Only the end that is read can be made later: two taps are one renewal."""
        stay = pick(self.model.stays, n, "accepted")
        by = self.ground.cast.dee.actor if is_desk else self.ground.staff(stay.room.house)
        seen = self.web(hold_until, self.ids[stay]) if is_read else None
        expected = lambda: self.model.renew(stay, is_desk=is_desk)  # noqa: E731
        renewed = (holds.renew, self.ids[stay], seen)
        self.both(expected if is_read else refuse(), *renewed, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def she_sets_out(self, n: int) -> None:
        stay = pick(self.model.stays, n, "accepted")
        by = self.ground.staff(stay.room.house)
        self.both(lambda: self.model.set_out(stay), holds.set_out, self.ids[stay], None, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_house=st.sampled_from([True, True, False]))
    def depart(self, n: int, is_house: bool) -> None:
        stay = pick(self.model.stays, n, "arrived")
        if is_house:
            self.moves_on(stay)
        else:
            officer = self.ground.cast.amara.actor
            gone = (self.ids[stay], "planned_move")
            self.both(refuse("NotAllowed"), offers.record_departure, *gone, by=officer)

    def moves_on(self, stay: Stay) -> None:
        by, gone = self.ground.staff(stay.room.house), (self.ids[stay], "planned_move")
        self.both(lambda: self.model.depart(stay), offers.record_departure, *gone, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways, steps=st.integers(1, 3))
    def everybody_does_their_part(self, n: int, way: str, steps: int) -> None:
        """The house says yes, then she arrives, then she moves on."""
        stay = pick(self.model.stays, n, *LIVE, "enquired")
        for _ in range(steps):
            match stay.state:
                case "offered" | "enquired":
                    self.says_yes(stay, way)
                case "accepted":
                    self.is_there(stay, way)
                case "arrived":
                    self.moves_on(stay)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, room=st.integers(0, 3))
    def change_room(self, n: int, room: int) -> None:
        stay, wanted = pick(self.model.stays, n, "arrived"), self.model.rooms[room]
        self.both(
            lambda: self.model.change_room(stay, wanted),
            matching.move_room,
            self.ids[stay],
            self.ids[wanted],
            by=self.ground.cast.dee.actor,
        )

    @precondition(lambda self: self.model.stays and len(self.model.women) < MOST_WOMEN)
    @rule(n=nth, urgency=st.sampled_from(["emergency", "urgent"]))
    def ask_for_another_house(self, n: int, urgency: str) -> None:
        stay = pick(self.model.stays, n, "arrived")
        by, refs = self.ground.staff(stay.room.house), list[str]()
        new = NewTransfer(reason="transfer_wish", urgency=Urgency(urgency))
        done = self.both(
            lambda: self.model.may_ask_move(stay),
            lambda: refs.append(transfers.ask_transfer(self.ids[stay], new, by=by)),
        )
        if done:
            self.model.ask_move(stay, refs[0], urgency)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def call_the_move_off(self, n: int) -> None:
        stay = pick(self.model.stays, n, "arrived")
        by, off = self.ground.staff(stay.room.house), (self.ids[stay], "transfer_stays")
        self.both(lambda: self.model.cancel_move(stay), transfers.cancel_transfer, *off, by=by)
