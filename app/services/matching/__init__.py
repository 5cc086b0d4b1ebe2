"""The one door to the engine: what makes plans, and what turns a decision into offers."""

from app.services.matching.answering import RoomGone, room_on_yes, wait_for_turn
from app.services.matching.asking import ask_what_matters
from app.services.matching.costing import answer_questions, ask_cost
from app.services.matching.deciding import Choice, Outcome, confirm_plan, override
from app.services.matching.fitting import PARTED, STALE
from app.services.matching.moving_rooms import move_room, rooms_that_fit
from app.services.matching.planning import (
    explain_newest_plan,
    make_plan,
    newest_run,
    plan_if_due,
    warm_up,
)
from app.services.matching.pricing import make_prices
from app.services.matching.rehearsing import rehearse, rehearse_if_due
from app.services.matching.replaying import Replay, Verdict, kept_runs, replay

__all__ = [
    "PARTED",
    "STALE",
    "Choice",
    "Outcome",
    "Replay",
    "RoomGone",
    "Verdict",
    "answer_questions",
    "ask_cost",
    "ask_what_matters",
    "confirm_plan",
    "explain_newest_plan",
    "kept_runs",
    "make_plan",
    "make_prices",
    "move_room",
    "newest_run",
    "override",
    "plan_if_due",
    "rehearse",
    "rehearse_if_due",
    "replay",
    "room_on_yes",
    "rooms_that_fit",
    "wait_for_turn",
    "warm_up",
]
