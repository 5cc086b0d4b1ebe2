"""Who must not see a record, and the look at who asked that two people agree to."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid, NotAllowed, ProofNeeded
from app.pages import try_again
from app.schemas import Form
from app.schemas.access import RuleSchema, WhySchema
from app.security import me
from app.services import break_glass, restrictions

bp = Blueprint("access", __name__, url_prefix="/access")


@bp.get("/")
def list_looks() -> ResponseReturnValue:
    """Looks at who asked: those that wait for a second person, one's own, and those one is told."""
    return render_template("access/looks.html", page=break_glass.list_looks(by=me()))


@bp.route("/requests/<ref>/who-asked", methods=["GET", "POST"])
def ask(ref: str) -> ResponseReturnValue:
    """Ask to see who asked, and say why."""
    known = break_glass.check_request(ref, by=me())
    form = Form[str](WhySchema())
    if form.accepted:
        try:
            break_glass.ask(known, form.data, by=me())
            flash("Asked. Another person must agree before anything is shown.")
            return redirect(url_for(".list_looks"), code=303)
        except Invalid as error:
            form.refuse(error.field, str(error))
    return render_template("access/ask.html", ref=known, form=form), form.status


@bp.post("/looks/<uuid:asked>/approve")
def approve(asked: UUID) -> ResponseReturnValue:
    """Agree to somebody else's look."""
    try:
        break_glass.approve(asked, by=me())
    except ProofNeeded:
        raise
    except (Conflict, NotAllowed) as error:
        return try_again(error, ".list_looks")
    flash("Agreed. It is open for 30 minutes, and the house's manager and the data protection lead"
          " are told.")  # fmt: skip
    return redirect(url_for(".list_looks"), code=303)


@bp.get("/looks/<uuid:asked>")
def open_record(asked: UUID) -> ResponseReturnValue:
    """Who asked for her, and how to reach them."""
    try:
        page = break_glass.open_record(asked, by=me())
    except Conflict as error:
        return try_again(error, ".list_looks")
    return render_template("access/opened.html", page=page)


@bp.route("/requests/<ref>/people", methods=["GET", "POST"])
def list_rules(ref: str) -> ResponseReturnValue:
    """Who must not see a record, and who alone may."""
    form = Form[restrictions.NewRule](RuleSchema())
    if form.accepted:
        try:
            restrictions.add_rule(ref, form.data, by=me())
            flash("It holds from now on.")
            return redirect(url_for(".list_rules", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse(error.field if isinstance(error, Invalid) else "person", str(error))
    page = restrictions.show_rules(ref, by=me())
    return render_template("access/rules.html", page=page, form=form), form.status


@bp.post("/rules/<uuid:rule>/end")
def end_rule(rule: UUID) -> ResponseReturnValue:
    """Take somebody off the list."""
    ref = restrictions.end_rule(rule, by=me())
    flash("Taken off the list. It holds from now on.")
    return redirect(url_for(".list_rules", ref=ref), code=303)
