"""What every page shares: who is signed in, where they can go, the clock, and clear errors."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from typing import Any

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from app.actors import SYSTEM, Role
from app.db import transaction
from app.errors import Busy, DomainError, Invalid
from app.security import somebody

log = structlog.get_logger()
# A new one is drawn each time; it says nothing new to the person.
FORM_TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')

HOME = {
    Role.OFFICER: "police.list_requests",
    Role.FORCE_SUPERVISOR: "police.list_requests",
    Role.REFUGE_WORKER: "refuge.home",
    Role.REFUGE_MANAGER: "refuge.home",
    Role.COORDINATOR: "coordinator.board",
    Role.CHARITY_MANAGER: "manager.figures",
    Role.ADMINISTRATOR: "admin.list_users",
}
NAV: dict[Role, list[tuple[str, str]]] = {
    Role.OFFICER: [
        ("My requests", "police.list_requests"),
        ("New request", "police.new_request"),
    ],
    Role.FORCE_SUPERVISOR: [("Requests of the force", "police.list_requests")],
    Role.REFUGE_WORKER: [("Tonight", "refuge.home"), ("Rooms", "refuge.rooms")],
    Role.REFUGE_MANAGER: [("Tonight", "refuge.home"), ("Rooms", "refuge.rooms")],
    Role.COORDINATOR: [
        ("Board", "coordinator.board"),
        ("Needs a person", "coordinator.tasks"),
        ("Pre-alerts", "coordinator.pre_alerts"),
        ("Data rights", "data_rights.overview"),
    ],
    Role.CHARITY_MANAGER: [("Figures", "manager.figures")],
    Role.ADMINISTRATOR: [("People", "admin.list_users"), ("Add a person", "admin.new_user")],
    Role.DATA_PROTECTION_LEAD: [("Data rights", "data_rights.overview")],
}


def init_pages(app: Flask) -> None:
    """Register the shared context and the one place where errors become pages."""
    app.context_processor(_context)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)


def _context() -> dict[str, Any]:
    settings = current_app.config["SETTINGS"]
    actor = None if request.endpoint is None else _actor_or_none()
    return {
        "demo": settings.is_demo,
        "me": {"name": actor.name, "role": actor.role} if actor else None,
        "nav": _nav(actor.role) if actor else [],
        "home_url": url_for("public.home"),
    }


def _actor_or_none() -> Any:
    """An error page must show even when the database cannot say who this is."""
    try:
        return somebody()
    except Busy:
        return None


def _nav(role: Role) -> list[dict[str, Any]]:
    return [
        {"text": words, "href": url_for(endpoint), "current": endpoint == request.endpoint}
        for words, endpoint in NAV[role]
    ]


def page_time() -> datetime:
    """The service's time, read once a request; pages count minutes from it."""
    if "page_time" not in g:
        with transaction(by=SYSTEM) as now:
            g.page_time = now
    found: datetime = g.page_time
    return found


def live_part(html: str) -> Response:
    """A fragment for a page that refreshes itself: 304 while nothing a person reads has changed."""
    response = make_response(html)
    response.set_etag(hashlib.sha256(FORM_TOKEN.sub("", html).encode()).hexdigest())
    response.make_conditional(request)
    return response


def try_again(error: DomainError, back: str, **values: Any) -> ResponseReturnValue:
    """After a one-button form failed: say why on the page it came from."""
    flash(str(error), "error")
    return redirect(url_for(back, **values))


def _domain_error(error: DomainError) -> ResponseReturnValue:
    field = error.field if isinstance(error, Invalid) else ""
    log.info("refused", status=error.status, kind=type(error).__name__, field=field)
    return _page(error.status, message=str(error))


def _csrf_error(error: CSRFError) -> ResponseReturnValue:
    return _page(400)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    if error.code == 401:
        return redirect(url_for("auth.sign_in"))
    return _page(error.code)


def _broken(error: Exception) -> ResponseReturnValue:
    """A fault of ours: a number for the person, the place for us, no values for anybody."""
    number = secrets.token_hex(4).upper()
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    log.error(
        "broken",
        number=number,
        kind=type(error).__name__,
        sqlstate=getattr(getattr(error, "orig", None), "sqlstate", None),
        file=where.tb_frame.f_code.co_filename if where else None,
        line=where.tb_lineno if where else None,
        endpoint=request.endpoint,
    )
    if current_app.testing and not isinstance(error, DBAPIError):
        raise error
    return _page(500, error_id=number)


def _page(status: int, **values: Any) -> ResponseReturnValue:
    headers = {"Retry-After": "5"} if status == 503 else {}
    return render_template("errors/error.html", status=status, **values), status, headers
