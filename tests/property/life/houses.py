"""Rooms that close, a raid that is expected, time that passes."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from app.services import (
    clock,
    matching,
    offers,
    pauses,
    pre_alerts,
    voids,
)
from app.worker import sweep
from tests.integration.services.expected import coming, now_is
from tests.property.life.ground import NOWHERE, Life, nth, pick
from tests.property.life.model import (
    Alert,
)


class Houses(Life):
    """What happens beside the requests."""

    @rule(room=st.integers(0, 3), is_again=st.sampled_from([False, False, True]))
    def room_closes_or_opens(self, room: int, is_again: bool) -> None:
        """``is_again``: what is so already is asked for once more."""
        changed = self.model.rooms[room]
        by = self.ground.staff(changed.house)
        if changed in self.closures and changed.is_closed is not is_again:
            opens = lambda: self.model.reopen_room(changed)  # noqa: E731
            self.both(opens, voids.end_void, self.closures[changed], by=by)
            return
        made: list[UUID] = []
        self.both(
            lambda: self.model.close(changed),
            lambda: made.append(voids.start_void(self.ids[changed], "repair", by=by)),
        )
        self.closures.update(dict.fromkeys([changed], *made) if made else {})

    @precondition(lambda self: len(self.model.alerts) < 2)
    @rule()
    def pre_alert(self) -> None:
        """Rooms are kept softly for those expected: that nobody waits for it, the plan shows."""
        new = coming(self.web(now_is))
        alert = Alert(new.expected_until)
        by = self.ground.cast.dee.actor
        self.ids[alert] = self.web(pre_alerts.record_pre_alert, new, by=by)
        self.model.alerts.append(alert)
        self.worker(matching.rehearse)

    @precondition(lambda self: self.model.alerts)
    @rule(n=nth)
    def cancel_pre_alert(self, n: int) -> None:
        alert, by = pick(self.model.alerts, n, "open"), self.ground.cast.dee.actor
        self.both(lambda: self.model.cancel(alert), pre_alerts.cancel, self.ids[alert], by=by)

    @rule(minutes=st.sampled_from([9, 45, 100, 420]))
    def time_passes(self, minutes: int) -> None:
        self.owner(clock.shift_by, timedelta(minutes=minutes))
        self.is_swept, self.held = False, None

    @rule()
    def worker_sweeps(self) -> None:
        self.model.now = self.web(now_is)
        assert self.worker(offers.lapse_offers) == self.model.lapse()
        assert self.worker(pre_alerts.expire) == self.model.expire()
        assert self.worker(pauses.wake_the_due) == self.model.wake()
        self.model.make_ready()
        self.worker(sweep, self.ground.phones.gateway(), NOWHERE)
        self.is_swept = True
