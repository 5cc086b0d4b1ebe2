"""What every page shares: who is signed in, where they can go, the clock, and clear errors."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

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
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.routing import RequestRedirect

from app.actors import SYSTEM, Role
from app.db import transaction
from app.errors import Busy, DomainError, Invalid, ProofNeeded, TooMany
from app.logs import described
from app.security import NEVER_KEPT, somebody
from app.services import refusals

log = structlog.get_logger()
REFERENCE = re.compile(r"R-[0-9A-Z]{7}(?![0-9A-Z])")
# A new one is drawn each time; it says nothing new to the person.
PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.-]*")
FORM_TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')

HOME = {
    Role.OFFICER: "police.list_requests",
    Role.FORCE_SUPERVISOR: "police.list_requests",
    Role.REFUGE_WORKER: "refuge.home",
    Role.REFUGE_MANAGER: "refuge.home",
    Role.COORDINATOR: "coordinator.board",
    Role.CHARITY_MANAGER: "manager.figures",
    Role.ADMINISTRATOR: "admin.list_users",
    Role.DATA_PROTECTION_LEAD: "records.home",
}
HOUSE_NAV = [
    ("Tonight", "refuge.home"),
    ("Rooms", "refuge.rooms"),
    ("Calendar", "refuge.calendar_now"),
]
NAV: dict[Role, list[tuple[str, str]]] = {
    Role.OFFICER: [
        ("My requests", "police.list_requests"),
        ("New request", "police.new_request"),
    ],
    Role.FORCE_SUPERVISOR: [
        ("Requests of the force", "police.list_requests"),
        ("Seeing who asked", "access.list_looks"),
    ],
    Role.REFUGE_WORKER: HOUSE_NAV,
    Role.REFUGE_MANAGER: [
        *HOUSE_NAV,
        ("People and phones", "team.people"),
        ("Rota", "team.rota"),
        ("Seeing who asked", "access.list_looks"),
    ],
    Role.COORDINATOR: [
        ("Board", "coordinator.board"),
        ("Needs a person", "coordinator.tasks"),
        ("Waiting list", "coordinator.waiting_list"),
        ("Pre-alerts", "coordinator.pre_alerts"),
        ("Houses", "coordinator.houses"),
        ("Who opened a request", "records.home"),
        ("Seeing who asked", "access.list_looks"),
        ("Data rights", "data_rights.overview"),
    ],
    Role.CHARITY_MANAGER: [("Figures", "manager.figures")],
    Role.ADMINISTRATOR: [
        ("People", "admin.list_users"),
        ("Add a person", "admin.new_user"),
        ("Managers on call", "escalation.list_managers"),
    ],
    Role.DATA_PROTECTION_LEAD: [
        ("Who opened a request", "records.home"),
        ("Seeing who asked", "access.list_looks"),
        ("Data rights", "data_rights.overview"),
    ],
}


def init_pages(app: Flask) -> None:
    """Register the shared context and the one place where errors become pages."""
    app.context_processor(_context)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(ProofNeeded, _proof_needed)
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
    """A fragment for a page that refreshes itself: 304 while nothing a person reads has changed.

    It says the service's time, so that a page cut off later can say since when it is.
    """
    response = make_response(html)
    response.headers["X-Waymark-Time"] = str(int(page_time().timestamp()))
    response.set_etag(hashlib.sha256(FORM_TOKEN.sub("", html).encode()).hexdigest())
    response.make_conditional(request)
    return response


def try_again(error: DomainError, back: str, **values: Any) -> ResponseReturnValue:
    """After a one-button form failed: say why on the page it came from."""
    flash(str(error), "error")
    return redirect(url_for(back, **values))


def way_back(asked: str) -> str | None:
    """The page of ours that ``asked`` names, or None: whoever made the link, it leads nowhere else.

    A path that one of our pages answers to a GET; anything with a host, a scheme or a query is not.
    """
    if asked.startswith("//") or not PLAIN_PATH.fullmatch(asked):
        return None  # browsers must be able to read it in one way only
    try:
        current_app.url_map.bind("").match(asked, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return asked


def _proof_needed(error: ProofNeeded) -> ResponseReturnValue:
    """Prove it first: a page waits at its address, a form is shown again with what was typed."""
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("account.prove", next=request.path))
    kept = [
        (name, text)
        for name, texts in request.form.lists()
        if name not in NEVER_KEPT
        for text in texts
    ]
    page = render_template("errors/prove_first.html", message=str(error), kept=kept)
    return page, error.status


def _domain_error(error: DomainError) -> ResponseReturnValue:
    field = error.field if isinstance(error, Invalid) else ""
    log.info("refused", status=error.status, kind=type(error).__name__, field=field)
    if error.status == 404:
        return _not_found(message=str(error))
    wait = error.retry_after_seconds if isinstance(error, TooMany) else None
    return _page(error.status, wait=wait, message=str(error))


def _not_found(**values: Any) -> ResponseReturnValue:
    """Write down who asked for which request and was not shown it; then say that it is not there.

    Here and not in each use case, so that a page cannot forget it. An attempt that cannot be
    written down is answered as any other act that cannot.
    """
    refs = REFERENCE.findall(f"{request.path} {' '.join(request.args.values())}")
    ids = [each for each in (request.view_args or {}).values() if isinstance(each, UUID)]
    try:
        if (refs or ids) and (by := somebody()) is not None:
            refusals.note(refs, ids, endpoint=request.endpoint or "", by=by)
    except Busy as error:
        return _page(error.status, message=str(error))
    return _page(404, **values)


def _csrf_error(error: CSRFError) -> ResponseReturnValue:
    return _page(400)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    if isinstance(error, SecurityError):  # of another name than ours: no page has links there
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        return "This is not an address of this service.\n", 400, plain
    if error.code == 401:
        return redirect(url_for("auth.sign_in"))
    if error.code == 404:
        return _not_found()
    return _page(error.code)


def _broken(error: Exception) -> ResponseReturnValue:
    """A fault of ours: a number for the person, the place for us, no values for anybody."""
    number = secrets.token_hex(4).upper()
    log.error("broken", number=number, endpoint=request.endpoint, **described(error))
    if current_app.testing and not isinstance(error, DBAPIError):
        raise error
    return _page(500, error_id=number)


def _page(status: int, *, wait: int | None = None, **values: Any) -> ResponseReturnValue:
    seconds = wait or (5 if status == 503 else None)
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return render_template("errors/error.html", status=status, **values), status, headers
