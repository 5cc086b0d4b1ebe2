"""A request: made, sent twice, withdrawn, closed, put back, paused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from app.models.reference import Urgency
from app.services import (
    closing,
    pauses,
    referrals,
)
from app.services.asked import NewChild, NewPause
from tests.factories import new_referral
from tests.integration.services.expected import now_is
from tests.property.life.ground import MOST_WOMEN, Life, asked, nth, pick, refuse
from tests.property.life.model import (
    Woman,
)


class Asking(Life):
    """What officers and the desk do to a request."""

    @precondition(lambda self: len(self.model.women) < MOST_WOMEN)
    @rule(who=asked)
    def somebody_is_asked_for(self, who: tuple[str, tuple[int, ...]]) -> None:
        self.ask(*who)

    def ask(self, urgency: str, ages: tuple[int, ...]) -> None:
        children = tuple(NewChild(age=age, sex="f") for age in ages)
        new = new_referral(urgency=Urgency(urgency), children=children)
        ref = self.web(referrals.make_referral, new, by=self.ground.cast.amara.actor)
        self.asked[self.model.ask(ref, urgency, ages)] = new

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_same=st.booleans())
    def send_the_form_again(self, n: int, is_same: bool) -> None:
        woman = pick(list(self.asked), n, "ready")
        by = self.ground.cast.amara.actor
        if is_same:
            new = self.asked[woman]
            assert self.web(referrals.make_referral, new, by=by) == woman.ref
        else:
            new = replace(self.asked[woman], language="vi")
            self.both(refuse(), referrals.make_referral, new, by=by)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_hers=st.sampled_from([True, True, False]))
    def officer_withdraws(self, n: int, is_hers: bool) -> None:
        woman, cast = pick(self.model.women, n, "confirmed", "offered"), self.ground.cast
        if is_hers and woman.home is None:
            self.is_withdrawn(woman)
        else:  # a house asked for those who move
            by = cast.amara.actor if is_hers else cast.bram.actor
            gone = (woman.ref, "things_changed")
            self.both(refuse("NotFound"), referrals.withdraw, *gone, by=by)

    def is_withdrawn(self, woman: Woman) -> None:
        by, gone = self.ground.cast.amara.actor, (woman.ref, "things_changed")
        self.both(lambda: self.model.withdraw(woman), referrals.withdraw, *gone, by=by)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_end=st.booleans())
    def desk_closes_or_reopens(self, n: int, is_end: bool) -> None:
        desk = self.ground.cast.dee.actor
        if is_end:
            woman = pick(self.model.women, n, "ready", "not_arrived")
            reason = "no_bed_anywhere"
            ends = lambda: self.model.close_unmet(woman)  # noqa: E731
            self.both(ends, closing.close_unmet, woman.ref, reason, by=desk)
        else:
            self.reopens(pick(self.model.women, n, "unmet", "not_arrived"))

    def reopens(self, woman: Woman) -> bool:
        desk = self.ground.cast.dee.actor
        return self.both(lambda: self.model.reopen(woman), closing.reopen, woman.ref, by=desk)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_end=st.booleans())
    def request_waits_or_goes_on(self, n: int, is_end: bool) -> None:
        desk = self.ground.cast.dee.actor
        if is_end:
            woman = pick(self.model.women, n, "paused")
            self.both(lambda: self.model.resume(woman), pauses.resume, woman.ref, by=desk)
            return
        woman = pick(self.model.women, n, "ready")
        until = self.web(now_is) + timedelta(hours=3)
        asleep = NewPause(reason="pause_asked", until=until)
        begins = lambda: self.model.pause(woman, until)  # noqa: E731
        self.both(begins, pauses.pause, woman.ref, asleep, by=desk)
