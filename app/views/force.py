"""Coming in through a force's own sign-in: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.flask_client import OAuth  # type: ignore[import-untyped]
from flask import Blueprint, Flask, abort, current_app, url_for
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError

from app import security
from app.errors import NotAllowed
from app.services.force_sign_ins import FRESH_SECONDS, REFUSED, ForceSaid, by_force
from app.views.auth import first_page, refused
from config import Settings

bp = Blueprint("force", __name__, url_prefix="/force")
log = structlog.get_logger()
TIMEOUT_SECONDS = 10
LONGEST_SUBJECT = 255  # Source: OpenID Connect Core 1.0, 2
AWAY = "Your force's sign-in does not answer. Try again in a minute, or sign in another way."
TROUBLE = (AuthlibBaseError, JoseError, requests.RequestException, ValueError, KeyError)


def init_force(app: Flask) -> None:
    """Register the force's sign-in, where the settings name one."""
    settings: Settings = app.config["SETTINGS"]
    oauth = OAuth(app)
    app.extensions["waymark_force"] = settings.oidc_issuer and oauth.register(
        "force",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )


def _force() -> Any:
    """The force's sign-in; where there is none, these pages do not exist."""
    return current_app.extensions["waymark_force"] or abort(404)


def _refuse_another_issuer(force: Any) -> None:
    """Raises ValueError when what we read is not about the issuer we asked for."""
    # Source: OpenID Connect Discovery 1.0, 4.3: the two must be exactly the same.
    if force.load_server_metadata().get("issuer") != current_app.config["SETTINGS"].oidc_issuer:
        raise ValueError("the metadata names another issuer")


@bp.get("/sign-in")
def begin() -> ResponseReturnValue:
    """Off to the force, which must have asked lately: shared computers remember the last person."""
    force = _force()
    back = current_app.config["SETTINGS"].public_url + url_for(".back")
    try:
        _refuse_another_issuer(force)
        answer: ResponseReturnValue = force.authorize_redirect(back, max_age=FRESH_SECONDS)
    except TROUBLE as error:
        return _away(error)
    return answer


@bp.get("/back")
def back() -> ResponseReturnValue:
    """From the force, with a signed answer to this browser's own question."""
    force, settings = _force(), current_app.config["SETTINGS"]
    issuer = {"iss": {"essential": True, "value": settings.oidc_issuer}}
    try:
        _refuse_another_issuer(force)
        claims = force.authorize_access_token(claims_options=issuer)["userinfo"]
        said = _read(claims)
    except TROUBLE as error:
        return _away(error)
    try:
        token = by_force(said, force_code=settings.oidc_force_code)
    except NotAllowed:
        return refused(REFUSED)
    security.remember(token)
    return first_page()


def _read(claims: Any) -> ForceSaid:
    """Raises KeyError or ValueError where something is missing or of the wrong kind."""
    methods = claims.get("amr", [])
    if not isinstance(methods, list):
        raise ValueError("amr is no list")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT:
        raise ValueError("sub is no name")
    return ForceSaid(
        issuer=str(claims["iss"]),
        subject=subject,
        email=str(claims["email"]),
        is_email_verified=claims.get("email_verified") is True,
        methods=frozenset(str(method) for method in methods),
        signed_in_at=float(claims["auth_time"]),
    )


def _away(error: Exception) -> ResponseReturnValue:
    log.warning("force_sign_in_failed", kind=type(error).__name__)
    return refused(AWAY)
