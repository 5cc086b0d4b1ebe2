"""What a house writes down of a woman who lives there: more pages of the house's blueprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Invalid
from app.schemas import Form
from app.schemas.care import (
    DecisionDaysSchema,
    LongerRecoverySchema,
    MovePlanSchema,
    SupportSchema,
)
from app.security import me
from app.services import moving_on, recovery, support
from app.services.asked import DecisionDays, LongerRecovery, MovePlan, SupportGiven
from app.views.refuge import bp, stay_page


@bp.post("/stays/<uuid:public_id>/recovery")
def extend_recovery(public_id: UUID) -> ResponseReturnValue:
    """A longer minimum, and why."""
    form = Form[LongerRecovery](LongerRecoverySchema())
    return _written(
        public_id,
        form,
        "recovery",
        lambda: recovery.extend_recovery(public_id, form.data, by=me()),
        "The longer minimum is recorded.",
    )


@bp.post("/stays/<uuid:public_id>/decisions")
def date_decisions(public_id: UUID) -> ResponseReturnValue:
    """The days on which decisions came, and nothing of what they said."""
    form = Form[DecisionDays](DecisionDaysSchema())
    return _written(
        public_id,
        form,
        "decisions",
        lambda: recovery.date_decisions(public_id, form.data, by=me()),
        "The days are recorded.",
    )


@bp.post("/stays/<uuid:public_id>/support")
def record_support(public_id: UUID) -> ResponseReturnValue:
    """One line of her checklist."""
    form = Form[SupportGiven](SupportSchema())
    return _written(
        public_id,
        form,
        "support",
        lambda: support.record_support(public_id, form.data, by=me()),
        "The support is recorded.",
    )


@bp.post("/stays/<uuid:public_id>/move")
def plan_move(public_id: UUID) -> ResponseReturnValue:
    """When she plans to move on, and where to."""
    form = Form[MovePlan](MovePlanSchema())
    return _written(
        public_id,
        form,
        "move",
        lambda: moving_on.plan_move(public_id, form.data, by=me()),
        "The plan is recorded.",
    )


def _written(
    public_id: UUID, form: Form[Any], form_for: str, write: Callable[[], None], said: str
) -> ResponseReturnValue:
    """Do it and show the stay again, or show what was typed with what is wrong."""
    if form.accepted:
        try:
            write()
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash(said)
            return redirect(url_for("refuge.show_stay", public_id=public_id), code=303)
    return stay_page(public_id, form, form_for)
