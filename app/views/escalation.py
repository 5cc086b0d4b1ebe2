"""Who is told when a request has waited too long: the administrator's list of managers."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Invalid
from app.schemas import Form
from app.schemas.managers import NewManagerSchema
from app.security import me
from app.services import managers

bp = Blueprint("escalation", __name__, url_prefix="/people/managers")


@bp.route("/", methods=["GET", "POST"])
def list_managers() -> ResponseReturnValue:
    """Duty and regional managers, and the form that adds one."""
    form = Form[managers.NewManager](NewManagerSchema())
    if form.accepted:
        try:
            managers.add_manager(form.data, by=me())
            flash(f"{form.data.name} is told from that day on.")
            return redirect(url_for(".list_managers"), code=303)
        except Invalid as error:
            form.refuse(error.field, str(error))
    page = managers.list_managers(by=me())
    return render_template("admin/managers.html", page=page, form=form), form.status


@bp.post("/<uuid:manager>/end")
def end_manager(manager: UUID) -> ResponseReturnValue:
    """This person is told no more."""
    name = managers.end_manager(manager, by=me())
    flash(f"{name} is told no more.")
    return redirect(url_for(".list_managers"), code=303)
