"""A move to another house: more pages of the house's and the desk's blueprints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
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

Page = Callable[[Form[Any], str], ResponseReturnValue]
ASKED = "Asked for. She keeps her bed here until she has arrived in the other house."
CANCELLED = "The move is called off. Her stay is as it was."


@refuge.bp.post("/stays/<uuid:public_id>/transfer")
def ask_transfer(public_id: UUID) -> ResponseReturnValue:
    """The house asks for another house for her."""
    back = url_for("refuge.show_stay", public_id=public_id)
    return _ask(lambda: public_id, back, lambda form, what: refuge.stay_page(public_id, form, what))


@refuge.bp.post("/stays/<uuid:public_id>/transfer/cancel")
def cancel_transfer(public_id: UUID) -> ResponseReturnValue:
    """She stays after all."""
    back = url_for("refuge.show_stay", public_id=public_id)
    return _cancel(
        lambda: public_id, back, lambda form, what: refuge.stay_page(public_id, form, what)
    )


@coordinator.bp.post("/requests/<ref>/transfer", endpoint="ask_transfer")
def ask_transfer_at_the_desk(ref: str) -> ResponseReturnValue:
    """The desk asks for another house for her."""
    back = url_for("coordinator.show_request", ref=ref)
    return _ask(
        lambda: transfers.stay_of(ref, by=me()),
        back,
        lambda form, what: coordinator.case_page(ref, form, what),
    )


@coordinator.bp.post("/requests/<ref>/transfer/cancel", endpoint="cancel_transfer")
def cancel_transfer_at_the_desk(ref: str) -> ResponseReturnValue:
    """The desk calls it off, on the page of her stay or of the move."""
    back = url_for("coordinator.show_request", ref=ref)
    return _cancel(
        lambda: transfers.stay_of(ref, by=me()),
        back,
        lambda form, what: coordinator.case_page(ref, form, what),
    )


@refuge.bp.post("/stays/<uuid:public_id>/room")
def move_room(public_id: UUID) -> ResponseReturnValue:
    """Another room in this house, as its manager decides."""
    back = url_for("refuge.show_stay", public_id=public_id)
    return _move_room(
        lambda: public_id, back, lambda form, what: refuge.stay_page(public_id, form, what)
    )


@coordinator.bp.post("/requests/<ref>/room", endpoint="move_room")
def move_room_at_the_desk(ref: str) -> ResponseReturnValue:
    """Another room in her house, as the desk agreed with it."""
    back = url_for("coordinator.show_request", ref=ref)
    return _move_room(
        lambda: transfers.stay_of(ref, by=me()),
        back,
        lambda form, what: coordinator.case_page(ref, form, what),
    )


def _move_room(stay: Callable[[], UUID], back: str, page: Page) -> ResponseReturnValue:
    form = Form[UUID](MoveRoomSchema())
    if not form.accepted:
        return page(form, "room")
    return _done(
        lambda: matching.move_room(stay(), form.data, by=me()),
        "She has another room. The one she left is being made ready.",
        back,
        lambda error: _again(form, error, page, "room"),
    )


def _ask(stay: Callable[[], UUID], back: str, page: Page) -> ResponseReturnValue:
    form = Form[NewTransfer](TransferSchema())
    if not form.accepted:
        return page(form, "transfer")
    return _done(
        lambda: transfers.ask_transfer(stay(), form.data, by=me()),
        ASKED,
        back,
        lambda error: _again(form, error, page, "transfer"),
    )


def _cancel(stay: Callable[[], UUID], back: str, page: Page) -> ResponseReturnValue:
    form = Form[ChosenReason](EndTransferSchema())
    if not form.accepted:
        return page(form, "end_transfer")
    return _done(
        lambda: transfers.cancel_transfer(stay(), form.data.reason, by=me()),
        CANCELLED,
        back,
        lambda error: _again(form, error, page, "end_transfer"),
    )


def _done(
    do: Callable[[], object],
    said: str,
    back: str,
    again: Callable[[Invalid], ResponseReturnValue],
) -> ResponseReturnValue:
    try:
        do()
    except Conflict as error:
        flash(str(error), "error")
        return redirect(back)
    except Invalid as error:
        return again(error)
    flash(said)
    return redirect(back, code=303)


def _again(form: Form[Any], error: Invalid, page: Page, what: str) -> ResponseReturnValue:
    form.refuse(error.field, str(error))
    return page(form, what)
