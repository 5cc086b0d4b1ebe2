"""Clearly different plans stand beside the plan, with what they cost and whom they move."""

from __future__ import annotations

from typing import Any

from app.services.matching.planning import keep_other_plans
from tests.browser_without_a_window import Browser, text_of
from tests.conftest import Run
from tests.factories import room_of
from tests.integration.views.coordinator.conftest import Planned


def _found(ref: str, room: int | None, **loss: int) -> dict[str, Any]:
    """An entry as the engine gives it."""
    placed = [{"household": ref, "refuge": "refuge-2", "room": f"room-{room}"}] if room else []
    decisive = next(iter(loss), None)
    return {
        "plan": {"placements": placed},
        "loss": loss,
        "decisive": decisive,
        "differs": [ref],
        "text": "3 h 12 min more travel.",
    }


def test_they_are_said_without_minutes_and_with_whom_they_move(
    desk: Browser, planned: Planned, run: Run, run_as_worker: Run
) -> None:
    room = run(room_of, "Cedar", "2").id
    found = [
        _found(planned.ref, room, travel_minutes=192),
        _found(planned.ref, None, placed_priority_1=1, travel_minutes=-60),
        _found(planned.ref, room),
    ]
    assert "Other good plans" not in text_of(desk.get("/desk/board"))

    run_as_worker(keep_other_plans, planned.run_id, found)

    said = text_of(desk.get("/desk/board"))
    assert "Other good plans (3)" in said
    assert f"A longer journey. {planned.ref}: Cedar, room 2 (Wales, outside London)." in said
    assert (
        "1 woman fewer of those who need a place tonight would have one. A shorter journey."
        f" {planned.ref}: no room."
    ) in said
    assert f"As good as this one. {planned.ref}: Cedar, room 2" in said
    assert "192" not in said
    assert "3 h 12" not in said
