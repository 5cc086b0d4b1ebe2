"""Signing in and out."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import security
from app.errors import NotAllowed
from app.pages import HOME
from app.schemas import Form
from app.schemas.accounts import SignInAsked, SignInSchema
from app.services import accounts

bp = Blueprint("auth", __name__)


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """E-mail address and password; a wrong pair says nothing about which was wrong."""
    form = Form[SignInAsked](SignInSchema())
    if form.accepted:
        try:
            security.remember(accounts.sign_in(form.data.email, form.data.password))
            return redirect(url_for(HOME[security.me().role]))
        except NotAllowed as error:
            form.refuse("password", str(error))
    form.values.pop("password", None)
    tour_url = url_for("public.home") if current_app.config["SETTINGS"].is_demo else None
    return render_template("public/sign_in.html", form=form, tour_url=tour_url), form.status


@bp.post("/demo/sign-in")
def demo_sign_in() -> ResponseReturnValue:
    """One tap, in the demonstration only."""
    if not current_app.config["SETTINGS"].is_demo:
        abort(404)
    try:
        person = UUID(request.form.get("person", ""))
    except ValueError:
        abort(404)
    security.forget()
    security.remember(accounts.sign_in_as_demo_person(person))
    return redirect(url_for(HOME[security.me().role]))


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the sign-in in the database, then empty the browser."""
    security.forget()
    response = redirect(url_for("public.home"), code=303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
