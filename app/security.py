"""Who is asking: sign-in by cookie, deny by default, one role guard a blueprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Flask, abort, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from app.actors import Actor, Role
from app.services import accounts

csrf = CSRFProtect()
login = LoginManager()

OPEN_TO_ALL = {
    *("static", "public.home", "public.about_data", "public.leave", "public.robots"),
    *("public.content_report", "public.send_surge"),
    *("auth.sign_in", "auth.demo_sign_in"),  # both refuse outside the demo
}
OPEN_BLUEPRINTS = {"webhooks", "health"}
UNREADABLE = "\x00"  # nothing that PostgreSQL keeps has it, so no page has it in its address
LIVE_HEADER = "X-Waymark-Live"  # a page left open asks by itself: that is nobody's presence


class SignedIn(UserMixin):
    """What flask-login keeps: the actor behind this request's cookie."""

    def __init__(self, token: str, actor: Actor) -> None:
        self.token = token
        self.actor = actor

    def get_id(self) -> str:
        return self.token


def init_security(app: Flask) -> None:
    """Deny by default: a page is open only when it is listed here."""
    csrf.init_app(app)
    login.init_app(app)
    login.session_protection = None  # a phone changes its address; the sign-in row is the guard
    login.user_loader(_load)
    app.before_request(_deny_by_default)


def _load(token: str) -> SignedIn | None:
    actor = accounts.who_is(token, is_present=LIVE_HEADER not in request.headers)
    return SignedIn(token, actor) if actor else None


def _deny_by_default() -> BaseResponse | None:
    if UNREADABLE in request.path or any(UNREADABLE in text for text in request.args.values()):
        abort(404)
    endpoint = request.endpoint
    if endpoint is None or endpoint in OPEN_TO_ALL or request.blueprint in OPEN_BLUEPRINTS:
        return None
    if current_user.is_authenticated:
        return None
    if request.method not in ("GET", "HEAD"):
        abort(401)
    return redirect(url_for("auth.sign_in"))


def only(*roles: Role) -> Callable[[], None]:
    """A blueprint's guard. Somebody else's page does not exist: 404, not 403."""

    def guard() -> None:
        if me().role not in roles:
            abort(404)

    return guard


def me() -> Actor:
    """The person asking; only behind ``_deny_by_default``, so there always is one."""
    return cast(Actor, current_user.actor)


def somebody() -> Actor | None:
    """The person asking, on pages open to all."""
    return cast(Actor, current_user.actor) if current_user.is_authenticated else None


def remember(token: str) -> None:
    """Begin a browser's sign-in under a fresh session, so that none can be planted beforehand."""
    session.clear()
    g.pop("_login_user", None)
    actor = accounts.who_is(token)
    if actor is None:
        abort(401)
    login_user(SignedIn(token, actor))


def forget() -> None:
    """End this browser's sign-in, in the database first."""
    if current_user.is_authenticated:
        accounts.sign_out(current_user.token, by=me())
    logout_user()
    session.clear()
