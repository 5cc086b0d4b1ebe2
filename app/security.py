"""Who is asking: sign-in by cookie, and deny by default as the access matrix says."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    request,
    session,
    url_for,
)
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from app.actors import Actor
from app.authz import matrix
from app.services import drafts, sign_ins, throttle

csrf = CSRFProtect()
login = LoginManager()

# All that somebody may do who has not chosen yet what to sign in with.
BEFORE_SET_UP = {
    *("auth.sign_out", "account.set_up", "account.new_passkey", "account.passkey_options"),
    *("account.authenticator", "account.new_authenticator", "account.password"),
}
# What a form that is shown again must never carry, and pages whose forms are of nothing else.
NEVER_KEPT = {"csrf_token", "password", "current", "code", "credential"}
OWN_ACCOUNT = {"account", "auth"}
UNREADABLE = "\x00"  # nothing that PostgreSQL keeps has it, so no page has it in its address
LIVE_HEADER = "X-Waymark-Live"  # a page left open asks by itself: that is nobody's presence
DEVICE_LASTS = timedelta(days=180)


class SignedIn(UserMixin):
    """What flask-login keeps: the actor behind this request's cookie."""

    def __init__(self, token: str, actor: Actor) -> None:
        self.token = token
        self.actor = actor

    def get_id(self) -> str:
        return self.token


def init_security(app: Flask) -> None:
    """Deny by default: a page is open only to those whom the access matrix names."""
    csrf.init_app(app)
    login.init_app(app)
    login.session_protection = None  # a phone changes its address; the sign-in row is the guard
    login.user_loader(_load)
    app.before_request(_deny_by_default)
    app.after_request(_keep_device)


def _load(token: str) -> SignedIn | None:
    actor = sign_ins.who_is(token, is_present=LIVE_HEADER not in request.headers)
    return SignedIn(token, actor) if actor else None


def _deny_by_default() -> BaseResponse | None:
    if UNREADABLE in request.path or any(UNREADABLE in text for text in request.args.values()):
        abort(404)
    if request.endpoint is None or _is_open_to(None):
        return None
    if current_user.is_authenticated:
        if not _is_open_to(me()):
            abort(404)  # somebody else's page does not exist: not 403
        return _set_up_first(request.endpoint)
    if request.method not in ("GET", "HEAD"):
        _keep_what_was_typed()
        abort(401)
    return redirect(url_for("auth.sign_in"))


def _keep_what_was_typed() -> None:
    """For whoever took a quarter of an hour over a form. What signs somebody in is never kept."""
    fields = [
        (name, text)
        for name, texts in request.form.lists()
        if name not in NEVER_KEPT
        for text in texts
    ]
    if request.blueprint in OWN_ACCOUNT or LIVE_HEADER in request.headers:
        return
    if drafts.keep(str(session.get("_user_id", "")), request.path, fields):
        flash("You were signed out. Sign in again: what you typed is kept for 30 minutes.")


def _is_open_to(actor: Actor | None) -> bool:
    """HEAD is a GET without its body; OPTIONS only names the methods."""
    asked = {"HEAD": ("GET",), "OPTIONS": ("GET", "POST")}.get(request.method, (request.method,))
    role = actor.role if actor else None
    return any(matrix().may_open(request.endpoint or "", method, role) for method in asked)


def _set_up_first(endpoint: str) -> BaseResponse | None:
    is_free = me().is_set_up or endpoint in BEFORE_SET_UP
    if is_free or current_app.config["SETTINGS"].is_demo:
        return None
    return redirect(url_for("account.set_up"), code=303)


def me() -> Actor:
    """The person asking; only behind ``_deny_by_default``, so there always is one."""
    return cast(Actor, current_user.actor)


def somebody() -> Actor | None:
    """The person asking, on pages open to all."""
    return cast(Actor, current_user.actor) if current_user.is_authenticated else None


def remember(token: str, *, is_device_known: bool = True) -> None:
    """Begin a browser's sign-in under a fresh session, so that none can be planted beforehand.

    Whoever was signed in here before is signed out. From now on this browser's guesses for this
    person are counted apart from everybody else's.
    """
    forget()
    g.pop("_login_user", None)
    actor = sign_ins.who_is(token)
    if actor is None or actor.user_id is None:
        abort(401)
    login_user(SignedIn(token, actor))
    if is_device_known:
        g.device_cookie = throttle.introduce(device(), actor.user_id)


def go_on(token: str) -> None:
    """The same sign-in under its next token; forms that lie open in other tabs stay good."""
    actor = sign_ins.who_is(token)
    if actor is None:
        abort(401)
    login_user(SignedIn(token, actor))


def device() -> str:
    """This browser's device cookie; it signs nobody in."""
    return request.cookies.get(_device_name(), "")


def _device_name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-device"


def _keep_device(response: Response) -> Response:
    if cookie := g.pop("device_cookie", None):
        response.set_cookie(
            _device_name(),
            cookie,
            max_age=DEVICE_LASTS,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
    return response


def forget() -> None:
    """End this browser's sign-in, in the database first."""
    if current_user.is_authenticated:
        sign_ins.sign_out(current_user.token, by=me())
    logout_user()
    session.clear()
