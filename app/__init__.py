"""Waymark: what the service is made of."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise

from app.db import CONNECTION_OPTIONS, init_db
from config import Settings

OWNER = "waymark_owner"
ONE_YEAR = 365 * 24 * 3600
MAX_FORM_BYTES = 64 * 1024


def create_app(settings: Settings | None = None, *, role: str = "waymark_web") -> Flask:
    """Build the service for one kind of process; ``role`` is the database role it works as."""
    import app.models  # noqa: F401 - every table, before any query is made
    from app import browsers, cli, html, pages, security, views
    from app.fields import init_fields
    from app.logs import init_logs
    from app.row_security import refuse_unsafe_database

    settings = settings or Settings.from_env()
    flask = Flask(__name__)
    flask.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=database_url(settings, role),
        SQLALCHEMY_ENGINE_OPTIONS={
            "connect_args": {"options": connection_options(settings, role)},
            "hide_parameters": True,  # an error's text must not say what was written
        },
        SESSION_COOKIE_NAME="waymark" if settings.is_demo else "__Host-waymark",
        SESSION_COOKIE_SECURE=not settings.is_demo,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        PROVIDE_AUTOMATIC_OPTIONS=False,  # a route takes what it says, and no other method
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # the sign-in is the limit; a form left open must not be lost
        WTF_CSRF_SSL_STRICT=False,  # the referrer is withheld on purpose; the token is the guard
        SEND_FILE_MAX_AGE_DEFAULT=ONE_YEAR,  # every asset's address holds its content's hash
    )
    init_logs(settings)
    init_db(flask)
    browsers.init_browsers(flask, settings)
    init_fields(flask)
    security.init_security(flask)
    html.init_html(flask, now=pages.page_time)
    pages.init_pages(flask)
    views.init_views(flask)
    cli.init_cli(flask)
    if role != OWNER:  # the commands that change the schema are the owner's
        refuse_unsafe_database(flask)
    static = WhiteNoise(flask.wsgi_app, max_age=ONE_YEAR, add_headers_function=_file_headers)
    static.add_files(str(Path(__file__).with_name("static")), prefix="static/")
    flask.wsgi_app = static  # type: ignore[method-assign]
    return flask


def _file_headers(headers: Headers, _path: str, _url: str) -> None:
    """A file of ours says of itself what a page does, and that nothing in it may run."""
    from app.browsers import HEADERS, NO_PAGE

    for name, value in {"Content-Security-Policy": NO_PAGE, **HEADERS}.items():
        headers[name] = value


def database_url(settings: Settings, role: str) -> str:
    """Where ``role`` finds the database: its own address, the shared one, or the embedded one."""
    own = _own_address(settings, role)
    if own or settings.database_url:
        return own or settings.database_url
    from app.embedded_postgres import EmbeddedPostgres

    return EmbeddedPostgres(settings.data_dir).url(role)


def connection_options(settings: Settings, role: str) -> str:
    """Limits for every connection; with only one address given, the role is taken on at once."""
    own = _own_address(settings, role)
    is_taken_on = bool(settings.database_url) and not own and role != "waymark_owner"
    return CONNECTION_OPTIONS + (f" -c role={role}" if is_taken_on else "")


def _own_address(settings: Settings, role: str) -> str:
    return {
        "waymark_web": settings.web_database_url,
        "waymark_worker": settings.worker_database_url,
    }.get(role, "")
