"""Who looked at a request: for the duty coordinator and the data protection lead."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.actors import Role
from app.errors import Invalid
from app.schemas import Form
from app.schemas.records import AskedSchema, SeenSchema
from app.security import me
from app.services import honey, records

bp = Blueprint("records", __name__, url_prefix="/records")


@bp.route("/", methods=["GET", "POST"])
def home() -> ResponseReturnValue:
    """Ask by reference and reason; the answer stands below. Nothing is in the address."""
    form = Form[records.Asked](AskedSchema())
    found = None
    if form.accepted:
        try:
            found = records.who_looked(form.data, by=me())
        except Invalid as error:
            form.refuse(error.field, str(error))
    is_lead = me().role is Role.DATA_PROTECTION_LEAD
    return (
        render_template(
            "records/home.html",
            form=form,
            found=found,
            whys=list(records.Why),
            check=records.last_check(by=me()),
            alerts=honey.list_alerts(by=me()) if is_lead else [],
        ),
        form.status,
    )


@bp.post("/alerts/seen")
def see_alerts() -> ResponseReturnValue:
    """Those on the page are looked into."""
    form = Form[int](SeenSchema())
    if form.accepted:
        honey.see_alerts(form.data, by=me())
        flash("Written down: you are looking into these.")
    else:
        flash("Nothing was changed. Use the button below the alerts.", "error")
    return redirect(url_for(".home"), code=303)
