"""The houses as the desk sees them: how old their counts are, their calendar, surge places."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.pages import try_again
from app.schemas import Form
from app.schemas.rooms import Dates, WindowSchema
from app.security import me
from app.services import calendar, room_page, surge
from app.views.coordinator import bp
from app.views.refuge_rooms import day_or_404


@bp.get("/houses")
def houses() -> ResponseReturnValue:
    """Every house, the oldest counts first."""
    return render_template("coordinator/houses.html", houses=room_page.list_houses(by=me()))


@bp.get("/houses/<uuid:house>")
def house_calendar(house: UUID) -> ResponseReturnValue:
    """This month of one house."""
    page = calendar.this_month(by=me(), refuge=house)
    return render_template("coordinator/house_calendar.html", page=page)


@bp.get("/houses/<uuid:house>/<int:year>/<int:month>")
def house_month(house: UUID, year: int, month: int) -> ResponseReturnValue:
    """Another month of one house."""
    page = calendar.month(day_or_404(year, month, 1), by=me(), refuge=house)
    return render_template("coordinator/house_calendar.html", page=page)


@bp.get("/houses/<uuid:house>/<int:year>/<int:month>/<int:day>")
def house_day(house: UUID, year: int, month: int, day: int) -> ResponseReturnValue:
    """One date of one house, with codes."""
    page = calendar.one_day(day_or_404(year, month, day), by=me(), refuge=house)
    return render_template("coordinator/house_day.html", page=page)


@bp.get("/rooms/<uuid:room>")
def show_room(room: UUID) -> ResponseReturnValue:
    """One room with its history, and the windows of a surge or hotel place."""
    return _room(room)


def _room(room: UUID, form: Form[Dates] | None = None) -> ResponseReturnValue:
    page = room_page.show_room(room, by=me())
    return (
        render_template("coordinator/room.html", room=page, form=form),
        form.status if form else 200,
    )


@bp.post("/rooms/<uuid:room>/windows")
def open_window(room: UUID) -> ResponseReturnValue:
    """Open a surge or hotel place between two days."""
    form = Form[Dates](WindowSchema())
    if form.accepted:
        try:
            surge.open_window(room, form.data.opens_at, form.data.closes_at, by=me())
        except Conflict as error:
            return try_again(error, ".show_room", room=room)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash("The place is open on these days and can be offered.")
            return redirect(url_for(".show_room", room=room), code=303)
    return _room(room, form)


@bp.post("/rooms/<uuid:room>/windows/<uuid:window>/close")
def close_window(room: UUID, window: UUID) -> ResponseReturnValue:
    """No more offers of it; whoever has it keeps it."""
    try:
        surge.close_window(window, by=me())
    except Conflict as error:
        return try_again(error, ".show_room", room=room)
    flash("The place is closed. Whoever has it keeps it.")
    return redirect(url_for(".show_room", room=room), code=303)
