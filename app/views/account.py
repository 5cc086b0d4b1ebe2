"""What everybody has: their passkeys, authenticator app, password and open sign-ins."""

from __future__ import annotations

from uuid import UUID

import segno
from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app import security
from app.errors import Invalid, NotAllowed, NotFound, ProofNeeded, TooMany
from app.pages import HOME, try_again, way_back
from app.schemas import Form
from app.schemas.sign_ins import (
    AppCodeSchema,
    CodeAsked,
    PasskeyAnswer,
    PasskeySchema,
    PasswordAsked,
    PasswordSchema,
)
from app.security import me
from app.services import account, authenticators, own_passkeys, passkeys, sign_ins
from app.views.auth import ask, asked_last, left, site

bp = Blueprint("account", __name__)


@bp.get("/account")
def home() -> ResponseReturnValue:
    """What I sign in with, where I am signed in, and what lately happened to my account."""
    return render_template("account/home.html", account=account.show(by=me()))


@bp.get("/account/set-up")
def set_up() -> ResponseReturnValue:
    """The page that somebody comes to who has not chosen yet what to sign in with."""
    shown = account.show(by=me())
    return render_template("account/set_up.html", account=shown, first=url_for(HOME[me().role]))


@bp.post("/account/passkeys/options")
def passkey_options() -> ResponseReturnValue:
    """The question with which a device makes a passkey."""
    return ask(own_passkeys.ask_to_add(site(), by=me()))


@bp.route("/account/passkeys/new", methods=["GET", "POST"])
def new_passkey() -> ResponseReturnValue:
    """Add a passkey."""
    form = Form[PasskeyAnswer](PasskeySchema())
    account.check_may_change(by=me())
    if form.accepted:
        answer = form.data
        try:
            token, is_first = own_passkeys.add(
                answer.credential, answer.label, challenge_id=asked_last(), site=site(), by=me()
            )
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            security.go_on(token)
            flash("Your passkey is added. Sign in with it from now on.")
            return redirect(url_for(HOME[me().role] if is_first else ".home"), code=303)
    form.values.pop("credential", None)
    return render_template("account/new_passkey.html", form=form), form.status


@bp.post("/account/passkeys/<uuid:public_id>/remove")
def remove_passkey(public_id: UUID) -> ResponseReturnValue:
    """A passkey that was lost, or is not wanted any more."""
    try:
        own_passkeys.remove(public_id, by=me())
    except ProofNeeded:
        raise
    except NotAllowed as error:
        return try_again(error, ".home")
    flash("The passkey is removed. It signs nobody in any more.")
    return redirect(url_for(".home"), code=303)


@bp.post("/account/authenticator/new")
def new_authenticator() -> ResponseReturnValue:
    """A new secret for an authenticator app."""
    authenticators.begin(by=me())
    return redirect(url_for(".authenticator"), code=303)


@bp.route("/account/authenticator", methods=["GET", "POST"])
def authenticator() -> ResponseReturnValue:
    """The secret as a picture and as letters, and its first code."""
    form = Form[CodeAsked](AppCodeSchema())
    if form.accepted:
        try:
            authenticators.confirm(form.data.code, by=me())
        except Invalid as error:
            form.refuse(error.field, str(error))
        except TooMany as error:
            form.refuse("code", str(error), status=error.status)
        else:
            flash("Your authenticator app is set up. Its codes go with your password.")
            return redirect(url_for(".set_up" if not me().is_set_up else ".home"), code=303)
    form.values.pop("code", None)
    try:
        new = authenticators.pending(by=me())
    except NotFound:
        return render_template("account/authenticator.html", form=form, new=None, picture="")
    # nosemgrep: marked-safe - the picture is paths drawn by segno; no text of the address is in it
    picture = Markup(segno.make(new.uri, error="m").svg_inline(scale=5, light="#fff"))  # noqa: S704
    page = render_template("account/authenticator.html", form=form, new=new, picture=picture)
    return page, form.status


@bp.post("/account/authenticator/remove")
def remove_authenticator() -> ResponseReturnValue:
    """The app no longer counts."""
    authenticators.remove(by=me())
    flash("The authenticator app is removed.")
    return redirect(url_for(".home"), code=303)


@bp.route("/account/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """A new password, at any time and never because of its age."""
    form = Form[PasswordAsked](PasswordSchema())
    account.check_may_change(by=me())
    if form.accepted:
        try:
            token = sign_ins.change_password(form.data.password, current=form.data.current, by=me())
        except Invalid as error:
            form.refuse(error.field, str(error))
        except TooMany as error:
            form.refuse("current", str(error), status=error.status)
        else:
            security.go_on(token)
            flash("Your password is changed. Everywhere else you are signed out.")
            return redirect(url_for(".set_up" if not me().is_set_up else ".home"), code=303)
    form.values.clear()
    shown = account.show(by=me())
    return render_template("account/password.html", form=form, account=shown), form.status


@bp.post("/account/sign-ins/<uuid:public_id>/end")
def end_sign_in(public_id: UUID) -> ResponseReturnValue:
    """Sign out one other browser."""
    sign_ins.end_one(public_id, by=me())
    flash("That sign-in has ended.")
    return redirect(url_for(".home"), code=303)


@bp.post("/account/sign-out-everywhere")
def sign_out_everywhere() -> ResponseReturnValue:
    """Every browser, this one too."""
    sign_ins.end_everywhere(by=me())
    security.forget()
    return left()


@bp.route("/prove", methods=["GET", "POST"])
def prove() -> ResponseReturnValue:
    """Prove once more that it is me, and go back to where that was asked."""
    form = Form[CodeAsked](AppCodeSchema())
    if form.accepted:
        try:
            return _proved(sign_ins.prove_by_code(form.data.code, by=me()))
        except (NotAllowed, TooMany) as error:
            form.refuse("code", str(error), status=429 if isinstance(error, TooMany) else 422)
    return _prove_page(form)


def _prove_page(form: Form[CodeAsked]) -> ResponseReturnValue:
    form.values.pop("code", None)
    shown = account.show(by=me())
    return render_template("account/prove.html", form=form, account=shown, back=_back()), (
        form.status
    )


def _back() -> str:
    """Where the page came from, as it says; only a page of ours counts."""
    asked = request.form.get("next") or request.args.get("next", "")
    return way_back(asked) or url_for(HOME[me().role])


def _proved(token: str) -> ResponseReturnValue:
    security.go_on(token)
    flash("Thank you, that is proved for ten minutes.")
    return redirect(_back(), code=303)


@bp.post("/prove/passkey/options")
def prove_options() -> ResponseReturnValue:
    """The question for one of my own passkeys."""
    return ask(passkeys.ask_to_prove(site(), by=me()))


@bp.post("/prove/passkey")
def prove_by_passkey() -> ResponseReturnValue:
    """The passkey's answer."""
    answer = Form[PasskeyAnswer](PasskeySchema())
    page = Form[CodeAsked](AppCodeSchema(), is_sent=False)
    try:
        if answer.accepted:
            token = passkeys.prove(
                answer.data.credential, challenge_id=asked_last(), site=site(), by=me()
            )
            return _proved(token)
        page.refuse("form", passkeys.REFUSED)
    except NotAllowed as error:
        page.refuse("form", str(error))
    return _prove_page(page)


@bp.post("/demo/prove")
def demo_prove() -> ResponseReturnValue:
    """One tap, in the demonstration only, for the people who signed in by one tap."""
    if not current_app.config["SETTINGS"].is_demo:
        abort(404)
    return _proved(sign_ins.prove_as_demo_person(by=me()))
