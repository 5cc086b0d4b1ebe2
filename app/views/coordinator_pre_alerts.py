"""More pages of the desk: what is coming, rehearsed, and turned into requests once it is here."""

from __future__ import annotations

from uuid import UUID, uuid4

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.html import coming_days
from app.pages import live_part, page_time, try_again
from app.schemas import Form
from app.schemas.pre_alerts import HereSchema, PreAlertSchema
from app.security import me
from app.services import choices, pre_alerts
from app.services.asked import NewPreAlert
from app.views.coordinator import bp


@bp.get("/pre-alerts", endpoint="pre_alerts")
def list_pre_alerts() -> ResponseReturnValue:
    """What is coming, told in confidence."""
    expected, ended = pre_alerts.list_pre_alerts(by=me())
    return render_template("coordinator/pre_alerts.html", expected=expected, ended=ended)


@bp.route("/pre-alerts/new", methods=["GET", "POST"])
def new_pre_alert() -> ResponseReturnValue:
    """Write down what is coming; what was typed stays when something is wrong."""
    form = Form[NewPreAlert](PreAlertSchema(), start={"form_key": [str(uuid4())]})
    if form.accepted:
        try:
            made = pre_alerts.record_pre_alert(form.data, by=me())
            return redirect(url_for(".show_pre_alert", alert=made), code=303)
        except Invalid as error:
            form.refuse(error.field, str(error))
    return (
        render_template(
            "coordinator/new_pre_alert.html",
            form=form,
            lists=choices.pre_alert_choices(by=me()),
            days=coming_days(page_time()),
        ),
        form.status,
    )


@bp.get("/pre-alerts/<uuid:alert>")
def show_pre_alert(alert: UUID) -> ResponseReturnValue:
    """One pre-alert: how many would have a bed tonight, and what is short."""
    return _pre_alert(alert)


def _pre_alert(alert: UUID, form: Form[list[str]] | None = None) -> ResponseReturnValue:
    page = pre_alerts.show_pre_alert(alert, by=me())
    html = render_template("coordinator/pre_alert.html", page=page, form=form)
    return html, form.status if form else 200


@bp.get("/pre-alerts/<uuid:alert>/rehearsal")
def rehearsal(alert: UUID) -> ResponseReturnValue:
    """What the newest rehearsal found, alone."""
    page = pre_alerts.show_pre_alert(alert, by=me(), is_live=True)
    return live_part(render_template("coordinator/_rehearsal.html", alert=page.alert))


@bp.post("/pre-alerts/<uuid:alert>/here")
def they_are_here(alert: UUID) -> ResponseReturnValue:
    """Their requests have come: what was kept for them is let go."""
    form = Form[list[str]](HereSchema())
    if form.accepted:
        try:
            pre_alerts.they_are_here(alert, form.data, by=me())
            flash("They are here. The rooms that were kept for them are free for the plan.")
            return redirect(url_for(".show_pre_alert", alert=alert), code=303)
        except (Conflict, Invalid) as error:
            form.refuse("refs", str(error))
    return _pre_alert(alert, form)


@bp.post("/pre-alerts/<uuid:alert>/cancel")
def cancel_pre_alert(alert: UUID) -> ResponseReturnValue:
    """It will not happen."""
    try:
        pre_alerts.cancel(alert, by=me())
    except Conflict as error:
        return try_again(error, ".show_pre_alert", alert=alert)
    flash("Called off. The rooms that were kept for them are free for the plan.")
    return redirect(url_for(".pre_alerts"), code=303)
