"""The one door to the engine: what makes plans, and what turns a decision into offers."""

from app.services.matching.deciding import STALE, Outcome, confirm_plan, override
from app.services.matching.planning import (
    explain_newest_plan,
    make_plan,
    newest_run,
    plan_if_due,
    warm_up,
)

__all__ = [
    "STALE",
    "Outcome",
    "confirm_plan",
    "explain_newest_plan",
    "make_plan",
    "newest_run",
    "override",
    "plan_if_due",
    "warm_up",
]
