"""Signing in and out, and coming in for the first time."""

from __future__ import annotations

from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from app import security
from app.errors import NotAllowed, TooMany
from app.pages import HOME
from app.schemas import Form
from app.schemas.sign_ins import (
    CodeAsked,
    JoinSchema,
    PasskeyAnswer,
    PasskeySchema,
    SignInAsked,
    SignInSchema,
)
from app.services import drafts, invitations, passkeys, sign_ins

bp = Blueprint("auth", __name__)
CHALLENGE = "challenge"  # which question of ours this browser's passkey was asked


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """A passkey, or e-mail address, password and code; nothing says which of them was wrong."""
    form = Form[SignInAsked](SignInSchema())
    if form.accepted:
        asked = form.data
        try:
            token = sign_ins.by_password(
                asked.email, asked.password, code=asked.code, device=security.device()
            )
            security.remember(token)
            return first_page()
        except (NotAllowed, TooMany) as error:
            form.refuse("password", str(error), status=_status(error))
    return _sign_in_page(form)


def refused(message: str) -> ResponseReturnValue:
    """The sign-in page again, saying why another way in did not work."""
    form = Form[SignInAsked](SignInSchema(), is_sent=False)
    form.refuse("form", message)
    return _sign_in_page(form)


def _sign_in_page(form: Form[SignInAsked]) -> ResponseReturnValue:
    form.values.pop("password", None)
    form.values.pop("code", None)
    settings = current_app.config["SETTINGS"]
    page = render_template(
        "public/sign_in.html",
        form=form,
        tour_url=url_for("public.home") if settings.is_demo else None,
        force_url=url_for("force.begin") if settings.oidc_issuer else None,
    )
    return page, form.status


def _status(error: NotAllowed | TooMany) -> int:
    return error.status if isinstance(error, TooMany) else 422


def first_page() -> ResponseReturnValue:
    """Where whoever has just signed in works; or what they were sending when they idled out."""
    if (draft := drafts.take(by=security.me())) is not None:
        return render_template(
            "public/draft.html", draft=draft, home=url_for(HOME[security.me().role])
        )
    return redirect(url_for(HOME[security.me().role]))


@bp.post("/sign-in/passkey/options")
def passkey_options() -> ResponseReturnValue:
    """The question for whatever passkey this device has."""
    return ask(passkeys.ask_to_sign_in(site()))


@bp.post("/sign-in/passkey")
def passkey_sign_in() -> ResponseReturnValue:
    """The passkey's answer."""
    answer = Form[PasskeyAnswer](PasskeySchema())
    if not answer.accepted:
        return refused(passkeys.REFUSED)
    try:
        token = passkeys.sign_in(answer.data.credential, challenge_id=asked_last(), site=site())
    except NotAllowed as error:
        return refused(str(error))
    security.remember(token)
    return first_page()


def site() -> passkeys.Site:
    """Where passkeys are bound to."""
    return passkeys.Site.of(current_app.config["SETTINGS"].public_url)


def ask(question: passkeys.Question) -> Response:
    """Send a question for a passkey, and note in the browser's session which it was."""
    session[CHALLENGE] = str(question.challenge_id)
    return current_app.response_class(question.options, mimetype="application/json")


def asked_last() -> UUID | None:
    """The question that this browser was sent last; it may be answered once."""
    found = session.pop(CHALLENGE, None)
    return UUID(found) if found else None


@bp.route("/join", methods=["GET", "POST"])
def join() -> ResponseReturnValue:
    """Come in with a code, to choose what to sign in with from now on."""
    form = Form[CodeAsked](JoinSchema())
    if form.accepted:
        try:
            token = invitations.join(form.data.code)
            security.remember(token)
            return redirect(url_for("account.set_up"), code=303)
        except NotAllowed as error:
            form.refuse("code", str(error))
    form.values.pop("code", None)
    return render_template("public/join.html", form=form), form.status


@bp.post("/demo/sign-in")
def demo_sign_in() -> ResponseReturnValue:
    """One tap, in the demonstration only."""
    if not current_app.config["SETTINGS"].is_demo:
        abort(404)
    try:
        person = UUID(request.form.get("person", ""))
    except ValueError:
        abort(404)
    security.remember(sign_ins.as_demo_person(person), is_device_known=False)
    return first_page()


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the sign-in in the database, then empty the browser."""
    security.forget()
    return left()


def left() -> Response:
    """To the front page, leaving nothing of this sign-in in the browser."""
    response = current_app.make_response(redirect(url_for("public.home"), code=303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
