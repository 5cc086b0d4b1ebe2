"""A move to another house or another room: more pages of the house's and the desk's blueprints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.schemas import Form
from app.schemas.stays import EndTransferSchema, MoveRoomSchema, TransferSchema
from app.security import me
from app.services import matching, transfers
from app.services.asked import ChosenReason, NewTransfer
from app.views import coordinator, refuge

T = TypeVar("T")
ASKED = "Asked for. She keeps her bed here until she has arrived in the other house."
CANCELLED = "The move is called off. Her stay is as it was."
HAS_ROOM = "She has another room. The one she left is being made ready."


@dataclass(frozen=True)
class _Place:
    """Where it is asked: whose stay it is about, the page it stands on, and that page's address."""

    stay: Callable[[], UUID]
    page: Callable[[Form[Any], str], ResponseReturnValue]
    back: str


def _in_house(public_id: UUID) -> _Place:
    back = url_for("refuge.show_stay", public_id=public_id)
    return _Place(lambda: public_id, partial(refuge.stay_page, public_id), back)


def _at_desk(ref: str) -> _Place:
    back = url_for("coordinator.show_request", ref=ref)
    return _Place(
        lambda: transfers.stay_of(ref, by=me()), partial(coordinator.case_page, ref), back
    )


@refuge.bp.post("/stays/<uuid:public_id>/transfer")
def ask_transfer(public_id: UUID) -> ResponseReturnValue:
    """The house asks for another house for her."""
    return _ask(_in_house(public_id))


@coordinator.bp.post("/requests/<ref>/transfer", endpoint="ask_transfer")
def ask_transfer_at_the_desk(ref: str) -> ResponseReturnValue:
    """The desk asks for another house for her."""
    return _ask(_at_desk(ref))


def _ask(place: _Place) -> ResponseReturnValue:
    form = Form[NewTransfer](TransferSchema())
    return _done(
        place,
        form,
        "transfer",
        lambda stay, new: transfers.ask_transfer(stay, new, by=me()),
        ASKED,
    )


@refuge.bp.post("/stays/<uuid:public_id>/transfer/cancel")
def cancel_transfer(public_id: UUID) -> ResponseReturnValue:
    """She stays after all."""
    return _cancel(_in_house(public_id))


@coordinator.bp.post("/requests/<ref>/transfer/cancel", endpoint="cancel_transfer")
def cancel_transfer_at_the_desk(ref: str) -> ResponseReturnValue:
    """The desk calls it off, on the page of her stay or of the move."""
    return _cancel(_at_desk(ref))


def _cancel(place: _Place) -> ResponseReturnValue:
    form = Form[ChosenReason](EndTransferSchema())
    return _done(
        place,
        form,
        "end_transfer",
        lambda stay, chosen: transfers.cancel_transfer(stay, chosen.reason, by=me()),
        CANCELLED,
    )


@refuge.bp.post("/stays/<uuid:public_id>/room")
def move_room(public_id: UUID) -> ResponseReturnValue:
    """Another room in this house, as its manager decides."""
    return _move_room(_in_house(public_id))


@coordinator.bp.post("/requests/<ref>/room", endpoint="move_room")
def move_room_at_the_desk(ref: str) -> ResponseReturnValue:
    """Another room in her house, as the desk agreed with it."""
    return _move_room(_at_desk(ref))


def _move_room(place: _Place) -> ResponseReturnValue:
    form = Form[UUID](MoveRoomSchema())
    return _done(
        place, form, "room", lambda stay, room: matching.move_room(stay, room, by=me()), HAS_ROOM
    )


def _done(
    place: _Place, form: Form[T], what: str, do: Callable[[UUID, T], object], said: str
) -> ResponseReturnValue:
    if form.accepted:
        try:
            do(place.stay(), form.data)
        except Conflict as error:
            flash(str(error), "error")
            return redirect(place.back)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash(said)
            return redirect(place.back, code=303)
    return place.page(form, what)
