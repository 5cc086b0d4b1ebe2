"""What the manager of a house does for its people."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.pages import try_again
from app.schemas import Form
from app.schemas.numbers import NumberSchema
from app.schemas.rota import NewSlotSchema
from app.security import me
from app.services import accounts, invitations, phones, rota

bp = Blueprint("team", __name__, url_prefix="/team")


@bp.get("/")
def people() -> ResponseReturnValue:
    """Who else works in the house, and the numbers it gets its texts on."""
    people, numbers = accounts.list_colleagues(by=me()), phones.list_phones(by=me())
    return render_template("team/people.html", people=people, phones=numbers)


@bp.post("/<uuid:person>/recover")
def recover(person: UUID) -> ResponseReturnValue:
    """Somebody of the house lost what they sign in with: the code that lets them in again."""
    name, code = invitations.recover(person, by=me())
    return render_template("account/code.html", name=name, code=code, is_recovery=True)


@bp.route("/phones/<uuid:phone>", methods=["GET", "POST"])
def change_number(phone: UUID) -> ResponseReturnValue:
    """A new number for the house's texts."""
    form = Form[phones.NewNumber](NumberSchema())
    shown = phones.show_phone(phone, by=me())
    if form.accepted:
        try:
            phones.change_number(phone, form.data, by=me())
        except Conflict as error:
            form.refuse("phone", str(error))
        else:
            flash("The number is changed. Both numbers get a text, and the coordinator rings you.")
            return redirect(url_for(".people"), code=303)
    return render_template("team/number.html", form=form, phone=shown), form.status


@bp.post("/phones/<uuid:phone>/keep-old")
def keep_old_number(phone: UUID) -> ResponseReturnValue:
    """Take a change back while the new number still waits."""
    try:
        phones.keep_old_number(phone, by=me())
    except Conflict as error:
        return try_again(error, ".people")
    flash("The old number is kept. The new one is worth nothing any more.")
    return redirect(url_for(".people"), code=303)


@bp.route("/rota", methods=["GET", "POST"], endpoint="rota")
def show_rota() -> ResponseReturnValue:
    """Whose phone is texted when."""
    form = Form[rota.NewSlot](NewSlotSchema())
    if form.accepted:
        try:
            rota.add_slot(form.data, by=me())
            flash("Added. Offers go by it from now on.")
            return redirect(url_for(".rota"), code=303)
        except Invalid as error:
            form.refuse(error.field, str(error))
    return render_template("team/rota.html", page=rota.show_rota(by=me()), form=form), form.status


@bp.post("/rota/<uuid:slot>/end")
def end_slot(slot: UUID) -> ResponseReturnValue:
    """This duty is over."""
    rota.end_slot(slot, by=me())
    flash("Taken off the rota.")
    return redirect(url_for(".rota"), code=303)
