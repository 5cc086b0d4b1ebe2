"""A house's rooms by date: the calendar, one room and its history, closures, windows."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.pages import try_again
from app.schemas import Form
from app.schemas.rooms import (
    READY,
    Closing,
    ClosingSchema,
    Dates,
    Ready,
    TermsSchema,
    TurnaroundSchema,
    WindowSchema,
)
from app.security import me
from app.services import beds, calendar, room_page, surge, voids
from app.services.void_steps import Terms
from app.views.refuge import bp

AnyForm = Form[Closing] | Form[Terms] | Form[Dates]
YEARS = range(2000, 2100)


@bp.get("/calendar")
def calendar_now() -> ResponseReturnValue:
    """This month: every room on every date."""
    return _month(calendar.this_month(by=me()))


@bp.get("/calendar/<int:year>/<int:month>")
def calendar_month(year: int, month: int) -> ResponseReturnValue:
    """Another month."""
    return _month(calendar.month(day_or_404(year, month, 1), by=me()))


def _month(page: calendar.CalendarPage) -> ResponseReturnValue:
    return render_template("refuge/calendar.html", page=page)


@bp.get("/calendar/<int:year>/<int:month>/<int:day>")
def calendar_day(year: int, month: int, day: int) -> ResponseReturnValue:
    """One date: every room, and by code who has it."""
    page = calendar.one_day(day_or_404(year, month, day), by=me())
    return render_template("refuge/day.html", page=page)


def day_or_404(year: int, month: int, day: int) -> date:
    """A date that is in no calendar, or in nobody's lifetime, is a page that is not there."""
    if year not in YEARS:
        abort(404)
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        abort(404)


@bp.post("/rooms/turnaround")
def set_turnaround() -> ResponseReturnValue:
    """How long rooms are made ready after a departure; the manager's to say."""
    form = Form[Ready](TurnaroundSchema())
    if not form.accepted:
        return try_again(Invalid(READY), ".rooms")
    beds.set_turnaround(form.data.minutes, by=me())
    flash("It is kept. It holds from the next departure on.")
    return redirect(url_for(".rooms"), code=303)


@bp.get("/rooms/<uuid:public_id>")
def show_room(public_id: UUID) -> ResponseReturnValue:
    """One room: now, planned, and what was."""
    return _room(public_id)


def _room(public_id: UUID, form: AnyForm | None = None, form_for: str = "") -> ResponseReturnValue:
    return (
        render_template(
            "refuge/room.html",
            room=room_page.show_room(public_id, by=me()),
            form=form,
            form_for=form_for,
        ),
        form.status if form else 200,
    )


@bp.post("/rooms/<uuid:public_id>/close")
def close_room(public_id: UUID) -> ResponseReturnValue:
    """Out of use from a day on, with its end and who pays."""
    form = Form[Closing](ClosingSchema())
    if form.accepted:
        try:
            voids.start_void(public_id, form.data.reason, by=me(), terms=form.data.terms)
        except Conflict as error:
            return try_again(error, ".show_room", public_id=public_id)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash("It is noted. The calendar shows it.")
            return redirect(url_for(".show_room", public_id=public_id), code=303)
    return _room(public_id, form, "close")


@bp.post("/rooms/<uuid:public_id>/closures/<uuid:void>")
def change_void(public_id: UUID, void: UUID) -> ResponseReturnValue:
    """Another end, or another payer."""
    form = Form[Terms](TermsSchema())
    if form.accepted:
        try:
            voids.change_void(void, form.data, by=me())
        except Conflict as error:
            return try_again(error, ".show_room", public_id=public_id)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash("It is changed. What was said before stays in the history.")
            return redirect(url_for(".show_room", public_id=public_id), code=303)
    return _room(public_id, form, str(void))


@bp.post("/rooms/<uuid:public_id>/windows")
def open_window(public_id: UUID) -> ResponseReturnValue:
    """A surge or hotel place is open between two days; the manager's to say."""
    form = Form[Dates](WindowSchema())
    if form.accepted:
        try:
            surge.open_window(public_id, form.data.opens_at, form.data.closes_at, by=me())
        except Conflict as error:
            return try_again(error, ".show_room", public_id=public_id)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash("The place is open on these days and can be offered.")
            return redirect(url_for(".show_room", public_id=public_id), code=303)
    return _room(public_id, form, "window")


@bp.post("/rooms/<uuid:public_id>/windows/<uuid:window>/close")
def close_window(public_id: UUID, window: UUID) -> ResponseReturnValue:
    """No more offers of a surge or hotel place; whoever has it keeps it."""
    try:
        surge.close_window(window, by=me())
    except Conflict as error:
        return try_again(error, ".show_room", public_id=public_id)
    flash("The place is closed. Whoever has it keeps it.")
    return redirect(url_for(".show_room", public_id=public_id), code=303)
