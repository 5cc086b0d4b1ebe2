"""More pages of the desk: who waits, with what has been tried."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.html import BlankForm
from app.models.reference import Urgency
from app.security import me
from app.services import waiting
from app.views.coordinator import bp

Word = TypeVar("Word", bound=StrEnum)


@bp.get("/waiting")
def waiting_list() -> ResponseReturnValue:
    """Everybody without a promise; what the address asks for is a word of ours or nothing."""
    urgency, order = _word("urgency", Urgency), _word("order", waiting.Order)
    region = request.args.get("region", "")
    page = waiting.show_waiting(
        by=me(),
        urgency=urgency,
        region=region if region.isalnum() else "",
        order=order or waiting.Order.CLOCK,
    )
    asked = {"urgency": [urgency or ""], "region": [region], "order": [order or ""]}
    form = BlankForm(values=asked)
    return render_template("coordinator/waiting.html", page=page, form=form)


def _word(name: str, words: type[Word]) -> Word | None:
    given = request.args.get(name, "")
    return words(given) if given in set(words) else None
