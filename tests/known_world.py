"""A small world with the clock in hand, whose figures can be counted on the fingers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.actors import SYSTEM
from app.models.placements import Placement
from app.services import clock, funding, offers, reports
from app.services.asked import NewChild
from app.services.report_figures import Figures
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 10, 20, 12, 0, tzinfo=LONDON)  # summer time ends on 25 October


@dataclass
class World:
    """The cast with the clock in hand; each house has a single room and a family room."""

    cast: Cast
    web: Run
    owner: Run

    def at(self, day: int, hour: int, minute: int = 0, second: int = 5) -> None:
        """It is this London time of October 2026; days above 31 are of November."""
        shown = datetime(2026, 10, 1, hour, minute, second, tzinfo=LONDON) + timedelta(days=day - 1)
        self.owner(clock.shift_to, shown)

    def ask(self, **changes: Any) -> str:
        return str(self.web(make_referral, self.cast.amara.actor, **changes).ref)

    def offer(self, ref: str, house: str = "Rowan", code: str = "1") -> Placement:
        room = self.web(room_of, house, code)
        return self.web(offer_room, ref, by=self.cast.dee.actor, room=room.public_id)  # type: ignore[no-any-return]

    def promise(self, ref: str, house: str = "Rowan", code: str = "1") -> Placement:
        placement = self.offer(ref, house, code)
        self.web(accept, placement, by=self.staff(house))
        return placement

    def arrive(self, placement: Placement) -> None:
        self.web(offers.record_arrival, placement.public_id, by=self.cast.amara.actor)

    def depart(self, placement: Placement, house: str = "Rowan") -> None:
        self.web(offers.record_departure, placement.public_id, "planned_move", by=self.staff(house))

    def staff(self, house: str) -> Any:
        return {"Rowan": self.cast.bea, "Cedar": self.cast.chloe}[house].actor

    def fund(self, **changes: Any) -> None:
        given: dict[str, Any] = {
            "charity": "Harbour",
            "name": "Winter grant",
            "source": "A letter",
            "amount_pence": 100_000,
            "bed_night_pence": 10_000,
            "starts_on": date(2026, 10, 1),
            "ends_on": date(2026, 10, 10),
        }
        self.web(funding.add_fund, funding.NewFund(**(given | changes)), by=SYSTEM)

    def figures(self, days: int = 7, *, of: str = "mara") -> Figures:
        return self.web(reports.exact_figures, days, by=getattr(self.cast, of).actor)  # type: ignore[no-any-return]


def child(age: int) -> NewChild:
    return NewChild(age=age, sex="f")
