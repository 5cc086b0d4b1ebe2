"""Who is asking: sign-in by cookie, deny by default, one role guard a blueprint, safe headers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from app.actors import Actor, Role
from app.services import sign_ins, throttle

csrf = CSRFProtect()
login = LoginManager()

OPEN_TO_ALL = {
    *("static", "public.home", "public.about_data", "public.leave", "public.robots"),
    *("auth.sign_in", "auth.join", "auth.passkey_options", "auth.passkey_sign_in"),
    *("force.begin", "force.back"),  # both refuse where no force has its own sign-in
    *("public.send_surge", "auth.demo_sign_in"),  # both refuse outside the demo
}
OPEN_BLUEPRINTS = {"webhooks", "health"}
# All that somebody may do who has not chosen yet what to sign in with.
BEFORE_SET_UP = {
    *("auth.sign_out", "account.set_up", "account.new_passkey", "account.passkey_options"),
    *("account.authenticator", "account.new_authenticator", "account.password"),
}
UNREADABLE = "\x00"  # nothing that PostgreSQL keeps has it, so no page has it in its address
LIVE_HEADER = "X-Waymark-Live"  # a page left open asks by itself: that is nobody's presence
DEVICE_LASTS = timedelta(days=180)
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none';"
        " frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


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
    app.after_request(_headers)
    app.after_request(_keep_device)


def _load(token: str) -> SignedIn | None:
    actor = sign_ins.who_is(token, is_present=LIVE_HEADER not in request.headers)
    return SignedIn(token, actor) if actor else None


def _deny_by_default() -> BaseResponse | None:
    if UNREADABLE in request.path or any(UNREADABLE in text for text in request.args.values()):
        abort(404)
    endpoint = request.endpoint
    if endpoint is None or endpoint in OPEN_TO_ALL or request.blueprint in OPEN_BLUEPRINTS:
        return None
    if current_user.is_authenticated:
        return _set_up_first(endpoint)
    if request.method not in ("GET", "HEAD"):
        abort(401)
    return redirect(url_for("auth.sign_in"))


def _set_up_first(endpoint: str) -> BaseResponse | None:
    is_free = me().is_set_up or endpoint in BEFORE_SET_UP
    if is_free or current_app.config["SETTINGS"].is_demo:
        return None
    return redirect(url_for("account.set_up"), code=303)


def _headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        if request.endpoint == "static" and name == "Cache-Control":
            continue
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault(
            "Strict-Transport-Security", "max-age=31536000; includeSubDomains"
        )
    return response


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
